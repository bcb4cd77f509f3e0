import type { Span } from "@opentelemetry/api";
import { millisToHrTime } from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";

import type { Content } from "./content";
import { contentFacts, factsOf } from "./facts";
import { guarded } from "./guard";
import { statusOf } from "./keeper";
import * as names from "./names";
import { ABORTED, FAILED_FROM, NETWORK_ERROR, PAGE_CLOSED, failed, unknown, withShown, type Ending } from "./outcome";
import { later } from "./page";
import type { Saves } from "./saves";
import type { Failure } from "./failures";

const SETTLE_MILLISECONDS = 300;

/** A save from the user's click to what the user was shown; its span ends with the answer. */
export class Save {
  private ending: Ending | undefined;
  private at = 0;
  private told = false;
  private answered = false;
  private remembered: Ending["outcome"] | undefined;

  /** `thing` is what is saved, as far as a page knows; `before` is the error shown when it was begun. */
  constructor(
    private readonly saves: Saves,
    readonly span: Span,
    readonly address: URL,
    readonly thing: string,
    private readonly isForm: boolean,
    private readonly before: string,
    private readonly retried: Failure | undefined,
    private content: Content | Promise<Content | undefined> | undefined,
  ) {
    if (content instanceof Promise) {
      void content.then((known) => {
        this.content = known;
        guarded(() => this.span.setAttributes(contentFacts(known, retried)));
      });
    }
  }

  /** Whether it is not known yet how it ended. */
  get pending(): boolean {
    return !this.ending;
  }

  /** Whether an answer is still waited for. */
  get waits(): boolean {
    return this.pending && !this.answered;
  }

  /** The head of an answer is there; a page that goes by its status may try again before the rest is read. */
  answer(status: number): void {
    this.answered = true;
    if (status >= FAILED_FROM) {
      this.at = Date.now();
      this.remember(failed(String(status)));
    }
  }

  /** Say how it ended; what the page shows after it, and why it was not sent, may be known a little later. */
  end(ending: Ending): void {
    if (this.ending) {
      return;
    }
    this.ending = ending;
    this.at = Date.now();
    this.remember(ending);
    this.saves.keeper.note(this.span as unknown as ReadableSpan, ending, millisToHrTime(this.at));
    void this.settle(ending).then(() => guarded(() => this.tell()));
  }

  /** Say better why no answer came, while that is not told yet. */
  explain(ending: Ending): void {
    if (this.pending) {
      this.end(ending);
    } else if (this.unanswered) {
      this.ending = ending;
      this.remember(ending);
    }
  }

  /** Tell what is known, since the page closes; how a form's save ends is the next page's to say. */
  leave(): void {
    if (this.pending && this.isForm) {
      this.saves.live.delete(this);
      return;
    }
    if (this.pending || this.unanswered) {
      this.at = Date.now();
      this.ending = unknown(PAGE_CLOSED);
    }
    this.tell();
  }

  /** Whether it failed in a way that a page which is being left brings about too. */
  private get unanswered(): boolean {
    return !this.told && (this.ending?.code === NETWORK_ERROR || this.ending?.code === ABORTED);
  }

  private async settle(ending: Ending): Promise<void> {
    const hasFailed = ending.outcome !== names.SUCCEEDED;
    const [shown] = await Promise.all([
      this.saves.shown.after(this.before, hasFailed),
      this.content,
      this.unanswered ? later(SETTLE_MILLISECONDS) : undefined,
    ]);
    if (this.ending && shown !== undefined) {
      this.ending = withShown(this.ending, shown);
    }
  }

  private tell(): void {
    if (this.told || !this.ending) {
      return;
    }
    this.told = true;
    this.saves.live.delete(this);
    this.remember(this.ending);
    if (!navigator.onLine) {
      this.span.setAttribute(names.ONLINE, false);
    }
    this.span.setAttributes(factsOf(this.ending));
    this.span.setStatus(statusOf(this.ending));
    this.span.end(this.at);
  }

  /** Let a later save know of this one, if that is a retry of it; what came after it by now is not undone. */
  private remember({ outcome, code }: Ending): void {
    const { traceId, spanId } = this.span.spanContext();
    const { failures } = this.saves;
    const isNew = this.remembered !== outcome;
    this.remembered = outcome;
    if (outcome === names.SUCCEEDED && isNew) {
      failures.clear(this.thing);
    } else if (outcome === names.FAILED && (isNew || failures.last(this.thing)?.spanId === spanId)) {
      failures.note(this.thing, {
        at: this.at,
        traceId,
        spanId,
        firstTraceId: this.retried?.firstTraceId ?? traceId,
        code,
        attempt: (this.retried?.attempt ?? 1) + (this.retried ? 1 : 0),
        content: this.content instanceof Promise ? undefined : this.content,
      });
    }
  }
}
