import { later } from "./page";

/** What was sent, without what it says: equal hash and size mean the same content. */
export interface Content {
  /** `crc32:` and eight hex digits: as `savetrace.content_hash`, but of the request's body. */
  hash: string;
  /** Bytes; undefined for a multipart form, whose boundaries the browser makes up. */
  size: number | undefined;
}

const MOST_BYTES = 32 << 20;
const AT_ONCE_BYTES = 1 << 18;

/** Return eight hex digits that stand for a text. */
export function hashOf(text: string): string {
  const sum = new Checksum();
  sum.add(bytesOf(text));
  return sum.hex();
}

type Piece = string | Blob | ArrayBuffer;

/**
 * Hash a request's body; undefined where there is none, it is too large, or only its receiver may read it.
 *
 * What the page may change after it has been sent is copied before this returns. A small text is hashed
 * before it returns too, a large one later, a piece at a time: no click waits for it.
 */
export function contentOf(body: unknown): Content | Promise<Content | undefined> | undefined {
  if (body instanceof FormData) {
    return digest(entriesOf(body), false);
  }
  const piece = pieceOf(body);
  return piece === undefined ? undefined : digest([piece], true);
}

function pieceOf(body: unknown): Piece | undefined {
  if (typeof body === "string" || body instanceof Blob) {
    return body;
  }
  if (body instanceof URLSearchParams) {
    return body.toString();
  }
  if (body instanceof ArrayBuffer) {
    return body.byteLength > MOST_BYTES ? undefined : body.slice(0);
  }
  if (ArrayBuffer.isView(body)) {
    const whole = body.buffer as ArrayBuffer;
    return body.byteLength > MOST_BYTES ? undefined : whole.slice(body.byteOffset, body.byteOffset + body.byteLength);
  }
  return undefined;
}

function entriesOf(form: FormData): Piece[] {
  const pieces: Piece[] = [];
  form.forEach((value, name) => pieces.push(`${name}\0`, value, "\0"));
  return pieces;
}

function digest(pieces: Piece[], sized: boolean): Content | Promise<Content | undefined> | undefined {
  const length = pieces.reduce((sum, piece) => sum + lengthOf(piece), 0);
  if (length > MOST_BYTES) {
    return undefined;
  }
  const small = length <= AT_ONCE_BYTES && !pieces.some((piece) => piece instanceof Blob);
  const sum = new Checksum();
  if (small) {
    pieces.forEach((piece) => sum.add(bytesOf(piece as string | ArrayBuffer)));
    return sum.content(sized);
  }
  return addLater(sum, pieces).then(() => sum.content(sized), () => undefined);
}

function lengthOf(piece: Piece): number {
  return typeof piece === "string" ? piece.length : piece instanceof Blob ? piece.size : piece.byteLength;
}

function bytesOf(piece: string | ArrayBuffer): Uint8Array {
  return typeof piece === "string" ? new TextEncoder().encode(piece) : new Uint8Array(piece);
}

async function addLater(sum: Checksum, pieces: Piece[]): Promise<void> {
  await later(0);
  for (const piece of pieces) {
    const bytes = bytesOf(piece instanceof Blob ? await bufferOf(piece) : piece);
    for (let start = 0; start < bytes.length; start += AT_ONCE_BYTES) {
      sum.add(bytes.subarray(start, start + AT_ONCE_BYTES));
      await later(0);
    }
  }
}

function bufferOf(blob: Blob): Promise<ArrayBuffer> {
  return new Response(blob).arrayBuffer();
}

class Checksum {
  private remainder = -1;
  private size = 0;

  add(bytes: Uint8Array): void {
    const table = crcTable();
    let remainder = this.remainder;
    for (let index = 0; index < bytes.length; index++) {
      remainder = table[(remainder ^ bytes[index]!) & 0xff]! ^ (remainder >>> 8);
    }
    this.remainder = remainder;
    this.size += bytes.length;
  }

  hex(): string {
    return ((this.remainder ^ -1) >>> 0).toString(16).padStart(8, "0");
  }

  content(sized: boolean): Content {
    return { hash: `crc32:${this.hex()}`, size: sized ? this.size : undefined };
  }
}

let table: Int32Array | undefined;

function crcTable(): Int32Array {
  return (table ??= Int32Array.from({ length: 256 }, (_, value) => {
    for (let bit = 0; bit < 8; bit++) {
      value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    }
    return value;
  }));
}
