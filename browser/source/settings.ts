import { guarded } from "./guard";
import { routesOf, type Route } from "./routes";

export interface Settings {
  /** Where spans are sent: the Collector's `/v1/traces`, or an address of the app. */
  endpoint: URL;
  service: string;
  /** CSS selector of the element in which the app shows errors; empty for none. */
  errorSelector: string;
  /** Whether texts that the user was shown may leave the page. */
  text: boolean;
  /** Requests that are saves although their method says that they only read. */
  saves: Route[];
  /** Paths to which a user is sent who is not logged in. */
  logins: string[];
}

/** Read the settings from the script's own tag; undefined where it names no endpoint. */
export function settingsOf(tag: Element | null): Settings | undefined {
  const said = tag instanceof HTMLElement ? tag.dataset : {};
  if (!said["endpoint"]) {
    return undefined;
  }
  return {
    endpoint: new URL(said["endpoint"], location.href),
    service: said["service"] || `${location.hostname || "page"}-browser`,
    errorSelector: usable(said["errorSelector"] ?? ""),
    text: said["text"] !== "off",
    saves: routesOf(said["save"] ?? ""),
    logins: (said["login"] ?? "").split(",").map((path) => path.trim()).filter(Boolean),
  };
}

/** Return a selector, or nothing where the browser does not understand it. */
function usable(selector: string): string {
  return guarded(() => (document.querySelector(selector), selector)) ?? "";
}
