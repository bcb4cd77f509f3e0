import { guarded } from "./guard";
import * as names from "./names";
import { NETWORK_ERROR, OFFLINE, PASSWORD, TIMEOUT, failed, judge, type Answer } from "./outcome";
import { withoutFragment } from "./page";
import type { Save } from "./save";
import { headersOf, type Saves } from "./saves";

/** What the page has said of a request before it sends it. */
interface Opened {
  method: string;
  address: URL;
  traceparent: string | null;
  wantedJson: boolean;
}

const MOST_CHARACTERS = 64 << 10;

/** See the saves that the page makes with `XMLHttpRequest`, as jQuery and axios do. */
export function watchXhr(saves: Saves): void {
  const { prototype } = XMLHttpRequest;
  const { open, send, setRequestHeader } = prototype;
  const opened = new WeakMap<XMLHttpRequest, Opened>();

  guarded(() => {
    prototype.open = function (this: XMLHttpRequest, ...given: unknown[]): void {
      guarded(() => {
        const [method, address] = given.map(String);
        opened.set(this, {
          method: method!.toUpperCase(),
          address: new URL(address!, document.baseURI),
          traceparent: null,
          wantedJson: false,
        });
      });
      open.apply(this, given as Parameters<typeof open>);
    };
    prototype.setRequestHeader = function (this: XMLHttpRequest, ...given: [name: string, value: string]): void {
      guarded(() => noteHeader(opened.get(this), given));
      setRequestHeader.apply(this, given);
    };
    prototype.send = function (this: XMLHttpRequest, ...given: [body?: XMLHttpRequestBodyInit | Document | null]): void {
      const save = guarded(() => begin(saves, this, opened.get(this), given[0], setRequestHeader));
      try {
        send.apply(this, given);
      } catch (error) {
        guarded(() => save?.end(failed(navigator.onLine ? NETWORK_ERROR : OFFLINE)));
        throw error;
      }
    };
  });
}

function noteHeader(opened: Opened | undefined, [name, value]: [string, string]): void {
  const header = String(name).toLowerCase();
  if (opened && header === "traceparent") {
    opened.traceparent = String(value);
  }
  if (opened && header === "accept") {
    opened.wantedJson = /\bjson\b/.test(value);
  }
}

function begin(
  saves: Saves,
  request: XMLHttpRequest,
  opened: Opened | undefined,
  body: unknown,
  setRequestHeader: XMLHttpRequest["setRequestHeader"],
): Save | undefined {
  if (!opened || request.readyState !== XMLHttpRequest.OPENED) {
    return undefined; // `send` raises
  }
  const save = saves.begin({ via: "xhr", ...opened, body, joinable: true });
  if (save) {
    const { traceparent, wantedJson } = opened;
    if (traceparent === null) {
      guarded(() => {
        Object.entries(headersOf(save)).forEach(([name, value]) => setRequestHeader.call(request, name, value));
      });
    }
    listenOnce(request, {
      load: () => save.end(judge(answerOf(request, save, wantedJson), saves.settings)),
      error: () => save.end(failed(navigator.onLine ? NETWORK_ERROR : OFFLINE)),
      abort: () => saves.abort(save),
      timeout: () => {
        save.span.setAttribute(names.TIMEOUT_SECONDS, request.timeout / 1_000);
        save.end(failed(TIMEOUT));
      },
    });
  }
  return save;
}

/** Hear the first of some events; the request may be used again after it. */
function listenOnce(request: XMLHttpRequest, heard: Record<string, () => void>): void {
  const events = Object.keys(heard);
  const first = ({ type }: Event): void => {
    events.forEach((event) => request.removeEventListener(event, first));
    guarded(heard[type]!);
  };
  events.forEach((event) => request.addEventListener(event, first));
}

function answerOf(request: XMLHttpRequest, save: Save, wantedJson: boolean): Answer {
  const address = new URL(request.responseURL || save.address.href);
  const kind = request.getResponseHeader("content-type") ?? "";
  const isHtml = /\bhtml\b/i.test(kind);
  const text = request.responseType === "" || request.responseType === "text" ? request.responseText : "";
  const short = text.length <= MOST_CHARACTERS ? text : "";
  const parsed = request.responseType === "json" ? (request.response as unknown) : undefined;
  return {
    status: request.status,
    phrase: request.statusText,
    address,
    redirected: request.responseURL !== "" && address.href !== withoutFragment(save.address.href),
    isHtml,
    isLogin: isHtml && PASSWORD.test(short),
    wantedJson: wantedJson || request.responseType === "json",
    mayRedirect: false,
    json: /\bjson\b/i.test(kind) ? (parsed ?? guarded(() => JSON.parse(short) as unknown)) : parsed,
  };
}
