import type { Settings } from "./settings";
import * as names from "./names";

/** What became of a save, as its user got it. */
export interface Ending {
  outcome: string;
  /** Why it did not succeed; empty where it did. */
  code: string;
  /** What the answer told the user. */
  said?: string | undefined;
  /** What the page showed as an error after it. */
  shown?: string | undefined;
  /** HTTP status; 0 where the browser does not tell. */
  status?: number;
  /** Path of the page that the answer came from in the end, where that is another. */
  redirectedTo?: string;
}

/** An answer as the page got it, after all redirects. */
export interface Answer {
  status: number;
  phrase: string;
  address: URL;
  /** Whether it came from another place than was asked. */
  redirected: boolean;
  isHtml: boolean;
  /** Whether it is a page for logging in, by what it holds. */
  isLogin: boolean;
  /** Whether the page asked for JSON and nothing else by name. */
  wantedJson: boolean;
  /** Whether a redirect is how a save of this kind ends well, as a form's is. */
  mayRedirect: boolean;
  /** What its JSON says; undefined where it is none. */
  json: unknown;
}

/** A status from here on is a failure; any other may still carry an error in its answer. */
export const FAILED_FROM = 400;

export const PAGE_CLOSED = "page_closed";
export const ANSWER_UNSEEN = "answer_unseen";
export const NETWORK_ERROR = "network_error";
export const BLOCKED = "blocked";
export const OFFLINE = "offline";
export const ABORTED = "aborted";
export const TIMEOUT = "timeout";
const ERROR_SHOWN = "error_shown";
const ERROR_IN_ANSWER = "error_in_answer";
const LOGIN_REDIRECT = "login_redirect";
export const REDIRECTED = "redirected";

/** What a page for logging in holds. */
export const PASSWORD = /<input[^>]+type\s*=\s*["']?password/i;
const LOGIN = /\b(log|sign)[-_]?(in|on)\b|\b(auth|sso|oauth2?)\b/i;

const succeeded: Ending = { outcome: names.SUCCEEDED, code: "" };
export const failed = (code: string): Ending => ({ outcome: names.FAILED, code });
export const unknown = (code: string): Ending => ({ outcome: names.UNKNOWN, code });

/** Return what an ending is when this was shown after it: who is told of an error has not saved. */
export function withShown(ending: Ending, shown: string): Ending {
  return ending.outcome === names.SUCCEEDED ? { ...ending, ...failed(ERROR_SHOWN), shown } : { ...ending, shown };
}

/** Judge an answer as the server's side does: by its status, its JSON's `error`, a redirect to the login. */
export function judge(answer: Answer, settings: Settings): Ending {
  const ending = judged(answer, settings);
  return settings.text ? ending : { ...ending, said: undefined };
}

function judged(answer: Answer, settings: Settings): Ending {
  const { status, phrase, address } = answer;
  const said = errorIn(answer.json);
  if (status >= FAILED_FROM) {
    return { ...failed(String(status)), said: said ?? `${status} ${phrase}`.trim(), status };
  }
  if (said !== undefined) {
    return { ...failed(ERROR_IN_ANSWER), said, status };
  }
  if (!answer.redirected) {
    return { ...succeeded, status };
  }
  return { ...redirectEnding(answer, settings), status, redirectedTo: address.pathname };
}

function redirectEnding(answer: Answer, settings: Settings): Ending {
  const { pathname } = answer.address;
  if (settings.logins.length) {
    return settings.logins.includes(pathname) ? failed(LOGIN_REDIRECT) : succeeded;
  }
  if (answer.isLogin || LOGIN.test(pathname) || (answer.wantedJson && answer.isHtml)) {
    return failed(LOGIN_REDIRECT);
  }
  return answer.mayRedirect || !answer.isHtml ? succeeded : unknown(REDIRECTED);
}

function errorIn(json: unknown): string | undefined {
  const said = json && typeof json === "object" && !Array.isArray(json) ? (json as { error?: unknown }).error : undefined;
  if (!said) {
    return undefined;
  }
  return typeof said === "string" ? said : JSON.stringify(said);
}
