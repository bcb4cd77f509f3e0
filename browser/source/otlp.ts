import type { AttributeValue } from "@opentelemetry/api";
import { JsonTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";

/** An OTLP/JSON span, as far as it is changed after it was written. */
interface OtlpSpan {
  endTimeUnixNano: string;
  attributes: { key: string; value: Record<string, unknown> }[];
  status: { code: number; message?: string };
}

export interface OtlpRequest {
  resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[];
}

/** Return the request that exports one span, as text; what is `known` better stands instead of the span's own. */
export function requestOf(span: ReadableSpan, known: Partial<ReadableSpan> = {}): string {
  const seen = Object.create(span, descriptors(known)) as ReadableSpan;
  return new TextDecoder().decode(JsonTraceSerializer.serializeRequest([seen]));
}

// Not assigned: where the page has frozen all prototypes, what is inherited cannot be assigned to.
function descriptors(known: object): PropertyDescriptorMap {
  return Object.getOwnPropertyDescriptors(known);
}

export function spanIn(request: OtlpRequest): OtlpSpan {
  return request.resourceSpans[0]!.scopeSpans[0]!.spans[0]!;
}

/** Set an attribute of a span that is written already; undefined takes it off. */
export function setAttribute(span: OtlpSpan, key: string, value: AttributeValue | undefined): void {
  span.attributes = span.attributes.filter((one) => one.key !== key);
  if (value !== undefined) {
    span.attributes.push({ key, value: anyValue(value) });
  }
}

function anyValue(value: AttributeValue): Record<string, unknown> {
  if (typeof value === "number") {
    return Number.isInteger(value) ? { intValue: value } : { doubleValue: value };
  }
  return typeof value === "boolean" ? { boolValue: value } : { stringValue: value };
}

/** Browsers hold what pages have on its way when they close to 64 KB in all: two of these. */
const MOST_BYTES = 30 << 10;

/** A request's body, and which of the texts went into it. */
export interface Batch<Key> {
  keys: Key[];
  body: string;
}

/** Put requests together into bodies that a browser sends even while it closes the page. */
export function batchesOf<Key>(texts: Iterable<[Key, string]>): Batch<Key>[] {
  const batches: { keys: Key[]; pieces: string[]; bytes: number }[] = [];
  for (const [key, text] of texts) {
    const piece = text.slice(BEGINS.length, -ENDS.length);
    const bytes = new TextEncoder().encode(piece).length + 1;
    let last = batches[batches.length - 1];
    if (!last || last.bytes + bytes > MOST_BYTES) {
      batches.push((last = { keys: [], pieces: [], bytes: BEGINS.length + ENDS.length }));
    }
    last.keys.push(key);
    last.pieces.push(piece);
    last.bytes += bytes;
  }
  return batches.map(({ keys, pieces }) => ({ keys, body: BEGINS + pieces.join(",") + ENDS }));
}

const BEGINS = '{"resourceSpans":[';
const ENDS = "]}";

/** Return whether a text is a request; a page that changes how JSON is written makes others. */
export function isRequest(text: string): boolean {
  return text.startsWith(`${BEGINS}{`) && text.endsWith(`}${ENDS}`);
}
