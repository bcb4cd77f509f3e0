import type { Attributes } from "@opentelemetry/api";

import type { Content } from "./content";
import type { Failure } from "./failures";
import * as names from "./names";
import type { Ending } from "./outcome";
import { shortened } from "./page";

/** Return what a span says of how its save ended. */
export function factsOf(ending: Ending): Attributes {
  const facts: Attributes = { [names.OUTCOME]: ending.outcome };
  if (ending.code) {
    facts[names.ERROR_CODE] = facts[names.ERROR_TYPE] = ending.code;
  }
  const told = ending.shown ?? ending.said;
  if (told) {
    facts[names.USER_ERROR] = shortened(told);
  }
  if (ending.status) {
    facts[names.STATUS] = ending.status;
  }
  if (ending.redirectedTo) {
    facts[names.REDIRECTED_TO] = shortened(ending.redirectedTo);
  }
  return facts;
}

/** Return what a span says of what was sent, and whether the failed save before it sent the same. */
export function contentFacts(content: Content | undefined, retried: Failure | undefined): Attributes {
  if (!content) {
    return {};
  }
  const facts: Attributes = { [names.BODY_HASH]: content.hash };
  if (content.size !== undefined) {
    facts[names.BODY_SIZE] = content.size;
  }
  if (retried?.content) {
    facts[names.SAME_CONTENT] = retried.content.hash === content.hash && retried.content.size === content.size;
  }
  return facts;
}
