import { guarded } from "./guard";
import { ABORTED, ANSWER_UNSEEN, NETWORK_ERROR, OFFLINE, PASSWORD, REDIRECTED, TIMEOUT, failed, judge, unknown } from "./outcome";
import type { Save } from "./save";
import { headersOf, type Saves } from "./saves";

type Arguments = [input: RequestInfo | URL, init?: RequestInit | undefined];

const MOST_BYTES = 64 << 10;

/** A request of the page's, and what is sent instead: the same, with one header more. */
interface Made {
  save: Save;
  given: Arguments;
  sent: Arguments;
  wantedJson: boolean;
  /** Takes the header off a `Request` of the page's again. */
  restore: () => void;
}

/** See the saves that the page makes with `fetch`. */
export function watchFetch(saves: Saves): void {
  const original = window.fetch;
  const watched = function fetch(this: unknown, ...given: Arguments): Promise<Response> {
    const made = guarded(() => begin(saves, given));
    if (!made) {
      return original.apply(this as Window, given);
    }
    let answering: Promise<Response>;
    try {
      answering = original.apply(this as Window, made.sent);
    } catch (error) {
      guarded(() => made.save.end(failed(codeOf(error, made))));
      throw error;
    } finally {
      guarded(made.restore);
    }
    if (typeof (answering as Promise<Response> | undefined)?.then !== "function") {
      guarded(() => made.save.end(unknown(ANSWER_UNSEEN)));
      return answering; // of a `fetch` that a test has put in the browser's place
    }
    // What the page gets is made by `then`, so that a failure nobody handles is reported as it always was.
    return answering.then(
      (response) => {
        guarded(() => made.save.answer(response.status));
        readAnswer(saves, made, response).catch(() => made.save.end(unknown(ANSWER_UNSEEN)));
        return response;
      },
      (error) => {
        guarded(() => made.save.end(failed(codeOf(error, made))));
        throw error;
      },
    );
  };
  guarded(() => (window.fetch = watched));
}

function begin(saves: Saves, [input, init]: Arguments): Made | undefined {
  const request = input instanceof Request ? input : undefined;
  const method = (init?.method ?? request?.method ?? "GET").toUpperCase();
  const address = new URL(request ? request.url : String(input), document.baseURI);
  const headers = new Headers(init?.headers ?? request?.headers);
  const traceparent = headers.get("traceparent");
  const inPlace = request && !init?.headers;
  const joinable = (init?.mode ?? request?.mode) !== "no-cors" && (inPlace || init == null || isPlain(init));
  // The body of a `Request` is its receiver's to read.
  const save = saves.begin({ via: "fetch", method, address, body: init?.body, traceparent, joinable: !!joinable });
  if (!save) {
    return undefined;
  }
  const wantedJson = /\bjson\b/.test(headers.get("accept") ?? "");
  const made: Made = { save, given: [input, init], sent: [input, init], wantedJson, restore: () => undefined };
  if (traceparent === null && joinable) {
    guarded(() => (inPlace ? joinInPlace(made, request) : join(made)));
  }
  return made;
}

function join(made: Made): void {
  const [input, init] = made.sent;
  made.sent = [input, { ...init, headers: withHeaders(init?.headers, headersOf(made.save)) }];
}

/** Add headers to some in a form that the page chose, since what it wrapped `fetch` with may expect that. */
function withHeaders(headers: HeadersInit | undefined, added: Record<string, string>): HeadersInit {
  if (headers instanceof Headers) {
    const copy = new Headers(headers);
    Object.entries(added).forEach(([name, value]) => copy.set(name, value));
    return copy;
  }
  return Array.isArray(headers) ? [...headers, ...Object.entries(added)] : { ...headers, ...added };
}

/** Add headers to a `Request` of the page's for no longer than the call: it may be used again. */
function joinInPlace(made: Made, { headers }: Request): void {
  const added = Object.entries(headersOf(made.save));
  added.forEach(([name, value]) => headers.set(name, value));
  made.restore = () => added.forEach(([name]) => headers.delete(name));
}

function isPlain(init: RequestInit): boolean {
  const prototype: unknown = Object.getPrototypeOf(init);
  return prototype === Object.prototype || prototype === null;
}

async function readAnswer(saves: Saves, made: Made, response: Response): Promise<void> {
  const { save, wantedJson } = made;
  if (response.type === "opaqueredirect") {
    save.end(unknown(REDIRECTED));
    return;
  }
  const kind = response.headers.get("content-type") ?? "";
  const isJson = /\bjson\b/i.test(kind);
  const isHtml = /\bhtml\b/i.test(kind);
  const { status, statusText: phrase, redirected } = response;
  let text = "";
  if (isJson || (isHtml && redirected)) {
    try {
      text = await textOf(response.clone());
    } catch (error) {
      save.end({ ...failed(codeOf(error, made)), status });
      return;
    }
  }
  const address = new URL(response.url || save.address.href);
  const json = isJson ? guarded(() => JSON.parse(text) as unknown) : undefined;
  const isLogin = isHtml && PASSWORD.test(text);
  save.end(judge({ status, phrase, redirected, isHtml, wantedJson, address, isLogin, mayRedirect: false, json }, saves.settings));
}

/** Read at most 64 KB of an answer's copy; no more, since what the page does not read would be held. */
async function textOf(copy: Response): Promise<string> {
  const reader = copy.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = 0; reader; ) {
    const { done, value } = await reader.read();
    bytes += value?.length ?? 0;
    if (done || bytes > MOST_BYTES) {
      void reader.cancel();
      break;
    }
    text += decoder.decode(value, { stream: true });
  }
  return text;
}

/** Return why a call has no answer. */
function codeOf(error: unknown, { given: [input, init] }: Made): string {
  const { name = "", message = "" } = (error ?? {}) as { name?: string; message?: string };
  const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
  if (signal?.aborted) {
    return name === "TimeoutError" || /time[ds]?[ -]?out/i.test(`${name} ${message}`) ? TIMEOUT : ABORTED;
  }
  return navigator.onLine ? NETWORK_ERROR : OFFLINE;
}
