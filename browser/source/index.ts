/**
 * Sees saves where the user makes them, and tells OpenTelemetry.
 *
 * Loaded by `<script src=… data-endpoint=…>`; README.md says what it sees and sends. It never raises, and the
 * page's own calls are made whatever becomes of ours.
 */
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";

import { watchFetch } from "./fetch";
import { watchForms } from "./form";
import { guarded } from "./guard";
import { watchJquery } from "./jquery";
import { Keeper } from "./keeper";
import { landing } from "./landing";
import * as names from "./names";
import { listen } from "./page";
import { Saves } from "./saves";
import { settingsOf, type Settings } from "./settings";
import { watchXhr } from "./xhr";

declare const VERSION: string;

const MARK = "__otel_savetrace__";

function start(settings: Settings): void {
  const keeper = new Keeper(settings.endpoint, landing(settings));
  const told = resourceFromAttributes({
    "service.name": settings.service,
    "user_agent.original": navigator.userAgent,
  });
  const provider = new BasicTracerProvider({ resource: defaultResource().merge(told), spanProcessors: [keeper] });
  const saves = new Saves(settings, keeper, provider.getTracer(names.SCOPE, VERSION));
  watchFetch(saves);
  watchXhr(saves);
  watchForms(saves);
  watchJquery(saves);
  listen("securitypolicyviolation", (event) => {
    const { disposition, blockedURI } = event as SecurityPolicyViolationEvent;
    if (disposition !== "report") {
      saves.refuse(blockedURI);
    }
  });
  listen("pagehide", () => {
    saves.leave();
    keeper.leave();
  });
}

guarded(() => {
  const settings = settingsOf(document.currentScript);
  const page = window as unknown as Record<string, unknown>;
  // Named, as what is missing in an old browser raises here, before anything of the page has been touched.
  const needed = [fetch, Promise, WeakMap, URL, TextEncoder, TextDecoder, Headers, XMLHttpRequest, MutationObserver];
  if (settings && needed.every(Boolean) && !page[MARK]) {
    Object.defineProperty(page, MARK, { value: VERSION });
    start(settings);
  }
});
