import { RandomIdGenerator } from "@opentelemetry/sdk-trace-base";

import { guarded } from "./guard";
import { after, later } from "./page";
import { storage } from "./records";

/**
 * Says of every page of this site whether it lives, so that what a dead one left is told by one other.
 *
 * A page that has something to tell holds a lock of its name, which the browser lets go of however the page
 * ends; whoever gets that lock may tell what the page left. Where there are no locks (an old browser, a page
 * without TLS) the page says every few seconds that it lives, and who tells leaves a token first.
 */
export class Life {
  page = newPage();
  private readonly locks = guarded(() => navigator.locks) ?? undefined;
  private readonly watched = new Set<string>();
  private letGo: (() => void) | undefined;
  private beating = false;

  /** Be known to live, until `release`. */
  hold(): void {
    if (this.locks) {
      if (!this.letGo) {
        const over = new Promise<void>((resolve) => (this.letGo = resolve));
        this.locks.request(nameOf(this.page), () => over).catch(() => undefined);
      }
    } else if (!this.beating) {
      this.beating = true;
      this.beat();
    }
  }

  release(): void {
    this.letGo?.();
    this.letGo = undefined;
    this.beating = false;
    guarded(() => storage?.removeItem(aliveKey(this.page)));
  }

  /** Be dead: what is begun from now on, in a page that the browser shows again, is another's. */
  end(): void {
    this.release();
    this.page = newPage();
  }

  /** Run `work` once another page is dead, unless another does so first: at once, later, or never. */
  async afterDeathOf(page: string, work: () => Promise<void>): Promise<void> {
    if (page === this.page || this.watched.has(page)) {
      return;
    }
    this.watched.add(page);
    try {
      if (this.locks) {
        await this.locks.request(nameOf(page), work);
      } else if (!isAlive(page) && (await this.claim(page))) {
        await work();
      }
    } catch {
      // Told by the next page.
    } finally {
      this.watched.delete(page);
    }
  }

  private beat(): void {
    if (this.beating) {
      guarded(() => storage?.setItem(aliveKey(this.page), String(Date.now())));
      after(BEAT_MILLISECONDS, () => this.beat());
    }
  }

  private async claim(page: string): Promise<boolean> {
    const key = `savetrace.claim.${page}`;
    const [claimed = "0"] = (storage?.getItem(key) ?? "0").split(".");
    if (Date.now() - Number(claimed) < CLAIM_MILLISECONDS) {
      return false;
    }
    const token = `${Date.now()}.${this.page}`;
    storage?.setItem(key, token);
    await later(SETTLED_MILLISECONDS);
    if (storage?.getItem(key) !== token) {
      return false;
    }
    after(CLAIM_MILLISECONDS, () => guarded(() => storage?.removeItem(key)));
    return true;
  }
}

const BEAT_MILLISECONDS = 5_000;
const SILENT_MILLISECONDS = 120_000; // Timers of a tab in the background run once a minute.
const CLAIM_MILLISECONDS = 10_000;
const SETTLED_MILLISECONDS = 1_000; // What one tab stores reaches a busy other one late.

const newPage = (): string => new RandomIdGenerator().generateSpanId();
const nameOf = (page: string): string => `savetrace.page.${page}`;
const aliveKey = (page: string): string => `savetrace.alive.${page}`;

function isAlive(page: string): boolean {
  const said = Number(guarded(() => storage?.getItem(aliveKey(page))) ?? 0);
  if (Date.now() - said < SILENT_MILLISECONDS) {
    return true;
  }
  guarded(() => storage?.removeItem(aliveKey(page)));
  return false;
}
