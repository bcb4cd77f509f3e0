import type { Attributes, Link, SpanContext } from "@opentelemetry/api";
import { TraceFlags } from "@opentelemetry/api";

import type { Content } from "./content";
import { guarded } from "./guard";
import * as names from "./names";
import { storage } from "./records";

/** A failed save, as its retry needs to know it. */
export interface Failure {
  /** When it was answered, in milliseconds since 1970. */
  at: number;
  traceId: string;
  spanId: string;
  firstTraceId: string;
  code: string;
  attempt: number;
  content?: Content | undefined;
}

const KEY = "savetrace.failures";
const LONGEST_MILLISECONDS = 30 * 60_000;
const AUTOMATIC_MILLISECONDS = 1_000;
const MOST = 20;

/** Remembers the last failed save of each thing for half an hour, over reloads and tabs where it may. */
export class Failures {
  private own = new Map<string, Failure>();

  last(thing: string): Failure | undefined {
    const found = this.all().get(thing);
    return found && Date.now() - found.at < LONGEST_MILLISECONDS ? found : undefined;
  }

  note(thing: string, failure: Failure): void {
    const all = this.all();
    all.delete(thing);
    if (all.size >= MOST) {
      all.delete(all.keys().next().value!);
    }
    this.write(all.set(thing, failure));
  }

  clear(thing: string): void {
    const all = this.all();
    if (all.delete(thing)) {
      this.write(all);
    }
  }

  private write(all: Map<string, Failure>): void {
    this.own = all;
    guarded(() => storage?.setItem(KEY, JSON.stringify([...all])));
  }

  private all(): Map<string, Failure> {
    const said = guarded(() => storage?.getItem(KEY));
    const found = said ? guarded(() => new Map(JSON.parse(said) as [string, Failure][])) : undefined;
    return found ?? this.own;
  }
}

/** Return what a save says of the failed one before it, and the link to that. */
export function retryOf(failure: Failure): { attributes: Attributes; links: Link[] } {
  const elapsed = Date.now() - failure.at;
  const attributes: Attributes = {
    [names.SAVE_ATTEMPT]: failure.attempt + 1,
    [names.PREVIOUS_TRACE_ID]: failure.traceId,
    [names.PREVIOUS_SPAN_ID]: failure.spanId,
    [names.FIRST_TRACE_ID]: failure.firstTraceId,
    [names.PREVIOUS_ERROR_CODE]: failure.code,
    [names.SECONDS_SINCE_FAILURE]: elapsed / 1_000,
    [names.PAIRED_BY]: "page",
  };
  if (elapsed < AUTOMATIC_MILLISECONDS) {
    attributes[names.AUTOMATIC_RETRY] = true;
  }
  const context: SpanContext = { traceId: failure.traceId, spanId: failure.spanId, traceFlags: TraceFlags.SAMPLED };
  return { attributes, links: [{ context }] };
}
