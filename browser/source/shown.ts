import { guarded } from "./guard";
import { after } from "./page";

const WAIT_MILLISECONDS = 1_000;
const APART_MILLISECONDS = 50;

interface Waiting {
  /** What was shown when the save began. */
  before: string;
  hasFailed: boolean;
  told: (text: string | undefined) => void;
}

/** Watches for what the app shows its user as an error, within a second of an answer. */
export class Shown {
  private readonly waiting = new Set<Waiting>();
  private readonly observer: MutationObserver | undefined;
  private planned = false;

  constructor(private readonly selector: string) {
    if (selector) {
      this.observer = new MutationObserver(() => this.look());
    }
  }

  /** Return the text that is to be seen now. */
  now(): string {
    return this.selector ? (guarded(() => visibleText(this.selector)) ?? "") : "";
  }

  /**
   * Resolve to the error shown after a save: one that comes up, or of a failed save one that stays.
   *
   * `last` is called with a function that ends the waiting, which a page that closes uses.
   */
  after(before: string, hasFailed: boolean): Promise<string | undefined> {
    if (!this.observer) {
      return Promise.resolve(undefined);
    }
    return new Promise((resolve) => {
      const one: Waiting = { before, hasFailed, told: resolve };
      this.waiting.add(one);
      this.observer?.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
      after(WAIT_MILLISECONDS, () => this.tell([one], hasFailed ? this.now() : ""));
      this.look();
    });
  }

  /** Look at most twenty times a second: to know what is visible the browser has to lay the page out. */
  private look(): void {
    if (!this.planned) {
      this.planned = true;
      after(APART_MILLISECONDS, () => {
        this.planned = false;
        const text = this.now();
        const waiting = [...this.waiting].filter((one) => text && text !== one.before);
        const failed = waiting.filter((one) => one.hasFailed);
        // Of two saves at once, it is the failed one of which the user is told.
        this.tell(failed.length ? failed : waiting, text);
      });
    }
  }

  private tell(those: Waiting[], text: string): void {
    those.forEach((one) => this.waiting.delete(one) && one.told(text || undefined));
    if (!this.waiting.size) {
      this.observer?.disconnect();
    }
  }
}

function visibleText(selector: string): string {
  const texts: string[] = [];
  document.querySelectorAll<HTMLElement>(selector).forEach((element) => {
    if (element.getClientRects().length && getComputedStyle(element).visibility !== "hidden") {
      texts.push(element.innerText);
    }
  });
  return texts.join(" ").replace(/\s+/g, " ").trim();
}
