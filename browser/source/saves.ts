import { ROOT_CONTEXT, SpanKind, trace, type Attributes, type Context, type Tracer } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";

import { contentOf, hashOf } from "./content";
import { contentFacts } from "./facts";
import { Failures, retryOf } from "./failures";
import type { Keeper } from "./keeper";
import * as names from "./names";
import { ABORTED, BLOCKED, TIMEOUT, failed } from "./outcome";
import { after, shortened } from "./page";
import { saveRoute } from "./routes";
import { Save } from "./save";
import type { Settings } from "./settings";
import { Shown } from "./shown";

/** A request that the page is about to make. */
export interface Begun {
  via: "fetch" | "xhr" | "form";
  method: string;
  address: URL;
  body: unknown;
  /** The `traceparent` that it carries already, of other tracing in the page. */
  traceparent?: string | null;
  /** Whether a header can be added to it. */
  joinable: boolean;
}

const MOST_ADDRESS_BYTES = 1_024;

const propagator = new W3CTraceContextPropagator();
const getter = { get: (carrier: Record<string, string>, key: string) => carrier[key], keys: Object.keys };
const setter = { set: (carrier: Record<string, string>, key: string, value: string) => void (carrier[key] = value) };

/** The saves that this page makes. */
export class Saves {
  readonly live = new Set<Save>();
  readonly failures = new Failures();
  readonly shown: Shown;
  private aborted: Save | undefined;

  constructor(
    readonly settings: Settings,
    readonly keeper: Keeper,
    private readonly tracer: Tracer,
  ) {
    this.shown = new Shown(settings.text ? settings.errorSelector : "");
  }

  /** Begin a span for a request that is a save; undefined for any other. */
  begin(begun: Begun): Save | undefined {
    const { method, address } = begun;
    const route = saveRoute(this.settings.saves, method, address);
    if (route === undefined || this.isOwn(address)) {
      return undefined;
    }
    // The page's address often says what is edited in it; it is not to be read in the browser's store.
    const thing = hashOf([method, address.pathname, location.pathname, location.search].join(" "));
    const failure = this.failures.last(thing);
    const retry = failure && retryOf(failure);
    const content = contentOf(begun.body);
    const attributes: Attributes = {
      [names.METHOD]: method,
      [names.ADDRESS]: shortened(plain(address), MOST_ADDRESS_BYTES, MOST_ADDRESS_BYTES),
      [names.VIA]: begun.via,
      [names.JOINED]: begun.joinable || !!begun.traceparent,
      [names.PAGE_AGE_SECONDS]: Math.round(performance.now() / 1_000),
      ...retry?.attributes,
      ...(content instanceof Promise ? {} : contentFacts(content, failure)),
    };
    if (route) {
      attributes[names.TEMPLATE] = shortened(route.rule);
    }
    const overlapping = [...this.live].filter((other) => other.waits && other.thing === thing).length;
    if (overlapping) {
      attributes[names.OVERLAPPING] = overlapping;
    }
    const name = route ? `${method} ${route.rule}` : method;
    const options = { kind: SpanKind.CLIENT, attributes, links: retry?.links ?? [] };
    const span = this.tracer.startSpan(name, options, parentOf(begun.traceparent));
    const save = new Save(this, span, address, thing, begun.via === "form", this.shown.now(), failure, content);
    this.live.add(save);
    return save;
  }

  /** Note that a request was called off by the page; jQuery says a moment later that it was for a timeout. */
  abort(save: Save): void {
    this.aborted = save;
    after(0, () => (this.aborted = undefined));
    save.end(failed(ABORTED));
  }

  /** jQuery has called off a request whose time was over. */
  timeOut(): void {
    this.aborted?.explain(failed(TIMEOUT));
  }

  /** The page's own policy has refused an address. */
  refuse(address: string): void {
    const refused = addressOf(address);
    if (refused && this.isOwn(refused)) {
      this.keeper.sender.silenced = true;
    }
    this.live.forEach((save) => {
      if (refused && plain(save.address) === plain(refused)) {
        save.explain(failed(BLOCKED));
      }
    });
  }

  /** Tell of all that is not told yet, since the page closes. */
  leave(): void {
    this.live.forEach((save) => save.leave());
  }

  /** Return whether a request is one of ours. */
  private isOwn(address: URL): boolean {
    return plain(address) === plain(this.settings.endpoint);
  }
}

/** Return the headers by which a request joins the save's trace. */
export function headersOf(save: Save): Record<string, string> {
  const headers: Record<string, string> = {};
  propagator.inject(trace.setSpan(ROOT_CONTEXT, save.span), headers, setter);
  return headers;
}

function parentOf(traceparent: string | null | undefined): Context {
  return traceparent ? propagator.extract(ROOT_CONTEXT, { traceparent }, getter) : ROOT_CONTEXT;
}

function addressOf(text: string): URL | undefined {
  try {
    return new URL(text, location.href);
  } catch {
    return undefined;
  }
}

const plain = (address: URL): string => address.origin + address.pathname;
