import { factsOf } from "./facts";
import type { Life } from "./life";
import * as names from "./names";
import { batchesOf, setAttribute, spanIn, type OtlpRequest } from "./otlp";
import type { Ending } from "./outcome";
import { kept, read, remove, type Place } from "./records";
import { later, withoutFragment } from "./page";
import type { Sender } from "./sender";
import { statusOf } from "./keeper";

/** How a form's save ended, and when, in milliseconds since 1970. */
export interface FormEnding {
  ending: Ending;
  at: number;
}

/** A form's save: when it began, in milliseconds since 1970, in which page, and where it was sent. */
export interface FormSent {
  begun: number;
  page: string;
  address: string;
}

/** Finds how a form's save ended; undefined where it did not lead to this page. */
export type FindEnding = (sent: FormSent) => Promise<FormEnding | undefined>;

const FORM_MARK = "savetrace.form";
const FORM_MILLISECONDS = 300_000;
const SETTLED_MILLISECONDS = 1_000;

/** Tells what pages left that are no more: unsent spans, saves that they died in, forms that led elsewhere. */
export class Inheritance {
  constructor(
    private readonly life: Life,
    private readonly sender: Sender,
    private readonly findEnding: FindEnding,
  ) {}

  /** Tell what every dead page left; what a living one has to tell is waited for. */
  tell(): void {
    new Set(kept().map((place) => place.page)).forEach((page) => {
      void this.life.afterDeathOf(page, () => this.tellAllOf(page));
    });
  }

  private async tellAllOf(page: string): Promise<void> {
    const left = (): Place[] => kept().filter((place) => place.page === page);
    await this.tellThose(left().filter((place) => place.form && senderOf(place) !== undefined));
    // What another tab told and took away a moment ago may still seem to be there.
    await later(SETTLED_MILLISECONDS);
    await this.tellThose(left());
  }

  private async tellThose(places: Place[]): Promise<void> {
    const texts: [Place, string][] = [];
    for (const place of places) {
      const text = await this.told(place).catch(() => (remove(place), undefined));
      if (text !== undefined) {
        texts.push([place, text]);
      }
    }
    for (const batch of batchesOf(texts)) {
      if ((await this.sender.post(batch)) === "later") {
        this.sender.later(() => this.tell());
        return;
      }
      batch.keys.forEach(remove);
    }
  }

  /** Return the request for a span that is kept; undefined where it is another page's to tell. */
  private async told(place: Place): Promise<string | undefined> {
    const request = JSON.parse(read(place) ?? "") as OtlpRequest;
    const span = spanIn(request);
    const page = place.form ? senderOf(place) : undefined;
    if (page !== undefined) {
      sessionStorage.removeItem(FORM_MARK);
      const address = String(span.attributes.find(({ key }) => key === names.ADDRESS)?.value["stringValue"]);
      const found = await this.findEnding({ begun: place.begun, page, address });
      if (found) {
        [names.ERROR_CODE, names.ERROR_TYPE].forEach((name) => setAttribute(span, name, undefined));
        Object.entries(factsOf(found.ending)).forEach(([name, fact]) => setAttribute(span, name, fact as string));
        span.status = statusOf(found.ending) as typeof span.status;
        span.endTimeUnixNano = `${Math.round(found.at)}000000`;
        return JSON.stringify(request);
      }
    } else if (place.form && Date.now() - place.begun < FORM_MILLISECONDS) {
      return undefined;
    }
    setAttribute(span, names.KEPT_SECONDS, (Date.now() - place.begun) / 1000);
    return JSON.stringify(request);
  }
}

/** Let the page that a form leads to, in this tab, say how its save ended. */
export function markForm(spanId: string): void {
  sessionStorage.setItem(FORM_MARK, `${spanId} ${withoutFragment(location.href)}`);
}

/** Return the page whose form's save is kept at a place, if that form was sent in this tab. */
function senderOf(place: Place): string | undefined {
  const [spanId, page] = (sessionStorage.getItem(FORM_MARK) ?? "").split(" ");
  return spanId === place.span ? page : undefined;
}
