import { SpanStatusCode, type HrTime } from "@opentelemetry/api";
import type { ReadableSpan, Span, SpanProcessor } from "@opentelemetry/sdk-trace-base";

import { factsOf } from "./facts";
import { Inheritance, type FindEnding } from "./inheritance";
import { Life } from "./life";
import * as names from "./names";
import { isRequest, requestOf } from "./otlp";
import { ANSWER_UNSEEN, PAGE_CLOSED, unknown, type Ending } from "./outcome";
import { listen } from "./page";
import { keep, placeOf, type Place } from "./records";
import { Sender } from "./sender";

/** Keeps each span from its beginning on, so that it is told even if the page dies, and sends it when it ends. */
export class Keeper implements SpanProcessor {
  readonly sender: Sender;
  private readonly life = new Life();
  private readonly inheritance: Inheritance;
  private readonly live = new Map<string, Place>();

  /** `findEnding` says how the form's save ended that led to this page. */
  constructor(endpoint: URL, findEnding: FindEnding) {
    this.sender = new Sender(endpoint, () => this.rest(), () => this.inheritance.tell());
    this.inheritance = new Inheritance(this.life, this.sender, findEnding);
    listen("online", () => this.wake());
    listen("pageshow", (event) => (event as PageTransitionEvent).persisted && this.wake());
    this.wake();
  }

  onStart(span: Span): void {
    const { spanId } = span.spanContext();
    const isForm = span.attributes[names.VIA] === "form";
    this.life.hold();
    this.live.set(spanId, placeOf(Date.now(), this.life.page, spanId, isForm));
    this.note(span, unknown(isForm ? ANSWER_UNSEEN : PAGE_CLOSED), span.startTime);
  }

  /** Keep how a save has ended as far as is known, before its span has. */
  note(span: ReadableSpan, ending: Ending, endTime: HrTime): void {
    const place = this.live.get(span.spanContext().spanId);
    const ended = { attributes: { ...span.attributes, ...factsOf(ending) }, status: statusOf(ending), endTime };
    const text = requestOf(span, ended);
    if (place && isRequest(text)) {
      keep(place, text);
    }
  }

  onEnd(span: ReadableSpan): void {
    const { spanId } = span.spanContext();
    const place = this.live.get(spanId);
    const text = requestOf(span);
    this.live.delete(spanId);
    if (place && isRequest(text)) {
      this.sender.add(place, text);
    }
  }

  /** Tell what can be told while the page closes, and leave the rest to the next one. */
  leave(): void {
    this.sender.leave();
    this.live.clear();
    this.life.end();
  }

  async forceFlush(): Promise<void> {
    await this.sender.flush();
  }

  async shutdown(): Promise<void> {
    this.leave();
  }

  private wake(): void {
    void this.sender.flush();
    this.inheritance.tell();
  }

  private rest(): void {
    if (!this.live.size) {
      this.life.release();
    }
  }
}

export function statusOf({ outcome, code }: Ending): ReadableSpan["status"] {
  return outcome === names.SUCCEEDED ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: code };
}
