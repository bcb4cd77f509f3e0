import { batchesOf, type Batch } from "./otlp";
import { after, send } from "./page";
import { keep, read, remove, type Place } from "./records";

const FIRST_AGAIN_MILLISECONDS = 1_000;
const LAST_AGAIN_MILLISECONDS = 60_000;
const MOST_WAITING = 50;
const NOT_NOW = [408, 429];

/** What a receiver made of a request: it has it, it will never take it, or it may later. */
type Verdict = "accepted" | "refused" | "later";

/** Sends what this page has to tell, once; what cannot be sent stays kept. */
export class Sender {
  /** Set where the page's own policy forbids the endpoint: nothing is tried again. */
  silenced = false;
  private readonly waiting = new Map<Place, string>();
  private readonly underWay = new Set<Place>();
  private flushing = false;
  private failing = false;
  private timed = false;
  private again = FIRST_AGAIN_MILLISECONDS;

  /** `idle` is called when nothing waits any more, `reached` when the endpoint answers again. */
  constructor(
    private readonly endpoint: URL,
    private readonly idle: () => void,
    private readonly reached: () => void,
  ) {}

  get busy(): boolean {
    return this.waiting.size > 0;
  }

  /** Send a request soon. */
  add(place: Place, text: string): void {
    keep(place, text);
    this.waiting.set(place, text);
    if (this.waiting.size > MOST_WAITING) {
      this.waiting.delete(this.waiting.keys().next().value!);
    }
    // Without a network each attempt would be one more error in the page's console.
    after(0, () => (navigator.onLine ? void this.flush() : this.flushLater()));
  }

  /** Send all that waits, unless something is on its way already. */
  async flush(): Promise<void> {
    if (this.flushing || this.silenced) {
      return;
    }
    for (const batch of batchesOf(this.waiting)) {
      this.flushing = true;
      const verdict = await this.post(batch);
      this.flushing = false;
      if (verdict === "later") {
        return this.flushLater();
      }
      batch.keys.forEach((place) => this.forget(place));
    }
    if (this.waiting.size) {
      return this.flush();
    }
    return this.idle();
  }

  /**
   * Send all that waits while the page closes, when no answer will be seen any more.
   *
   * It counts as told then, so that the next page does not tell it a second time; unless the endpoint could
   * not be reached before, or the browser gives up what a closing page still sends.
   */
  leave(): void {
    const cannot = this.failing || this.silenced || !navigator.onLine || !("keepalive" in Request.prototype);
    if (!cannot) {
      this.underWay.forEach((place) => this.forget(place));
      const [first] = batchesOf(this.waiting);
      if (first) {
        void this.post(first);
        first.keys.forEach((place) => this.forget(place));
      }
    }
    // The next page tells what is kept; this one, should it be shown again, only what could not be.
    this.waiting.forEach((_, place) => read(place) !== null && this.waiting.delete(place));
  }

  private forget(place: Place): void {
    this.waiting.delete(place);
    remove(place);
  }

  /** Send one body; never raises. */
  async post({ keys, body }: Batch<Place>): Promise<Verdict> {
    keys.forEach((place) => this.underWay.add(place));
    const verdict = await this.verdictOn(body);
    keys.forEach((place) => this.underWay.delete(place));
    const failed = this.failing;
    this.failing = verdict === "later";
    if (!this.failing) {
      this.again = FIRST_AGAIN_MILLISECONDS;
      if (failed) {
        this.reached();
      }
    }
    return verdict;
  }

  private async verdictOn(body: string): Promise<Verdict> {
    try {
      const answer = await send.call(window, this.endpoint.href, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        credentials: "omit",
        cache: "no-store",
        keepalive: true,
      });
      if (answer.ok) {
        return "accepted";
      }
      return answer.status >= 500 || NOT_NOW.includes(answer.status) ? "later" : "refused";
    } catch {
      return "later";
    }
  }

  private flushLater(): void {
    if (!this.timed) {
      this.timed = true;
      this.later(() => {
        this.timed = false;
        void this.flush();
      });
    }
  }

  /** Call `work` after a while: one second, and twice as long each time, up to a minute, until the endpoint answers. */
  later(work: () => void): void {
    after(this.again, work);
    this.again = Math.min(this.again * 2, LAST_AGAIN_MILLISECONDS);
  }
}
