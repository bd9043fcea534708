/** What patterns of `like` have in common: finds a text that some match and others do not, or shows that there is none. Tests no connection. */
import { ANY_ONE, ANY_RUN, type Glob, compileGlob, globTokens } from '../glob.ts';
import type { Effort } from './effort.ts';

/** Found, shown not to exist, or given up. */
export type WordAnswer = { readonly word: string } | 'none' | 'undecided';

/** What the text has to be like. */
export interface WordQuestion {
  readonly matching: readonly GlobLanguage[];
  readonly notMatching: readonly GlobLanguage[];
  /** Sets that the text must not be in. */
  readonly avoiding: readonly ReadonlySet<string>[];
}

/** The positions at which a pattern can be after some text. */
interface PatternState {
  readonly positions: readonly number[];
  /** No text from here on matches. */
  readonly isDead: boolean;
  /** Every text from here on matches. */
  readonly isOpen: boolean;
  readonly isAccepting: boolean;
  readonly next: Map<number, PatternState>;
  readonly number: number;
}

/** Stands for every code point that the pattern does not mention. */
const UNMENTIONED = -3;

/**
 * One pattern as a deterministic automaton over code points, built as far as it is walked. A `like` that says the same in
 * another spelling (`*?`, `?*`, `**`) has the same `key`.
 */
export class GlobLanguage {
  readonly key: string;
  readonly matches: Glob;
  readonly tokens: readonly number[];
  readonly points: ReadonlySet<number>;
  readonly #states = new Map<string, PatternState>();

  constructor(pattern: string) {
    this.tokens = normalize(globTokens(pattern));
    this.key = this.tokens.join(' ');
    this.matches = compileGlob(pattern);
    this.points = new Set(this.tokens.filter((token) => token >= 0));
  }

  /** The one text it matches, when it is only one. */
  get onlyText(): string | undefined {
    return this.tokens.every((token) => token >= 0) ? textOf(this.tokens) : undefined;
  }

  /** True when every text matches. */
  get isAny(): boolean {
    return this.tokens.length === 1 && this.tokens[0] === ANY_RUN;
  }

  /** Returns the state before any text. */
  start(): PatternState {
    return this.#state([0]);
  }

  /** Returns the state after one more code point. */
  step(state: PatternState, point: number): PatternState {
    const symbol = this.points.has(point) ? point : UNMENTIONED;
    const known = state.next.get(symbol);
    if (known) return known;
    const after: number[] = [];
    for (const position of state.positions) {
      const token = this.tokens[position];
      if (token === ANY_RUN) after.push(position);
      else if (token === ANY_ONE || token === symbol) after.push(position + 1);
    }
    const next = this.#state(after);
    state.next.set(symbol, next);
    return next;
  }

  #state(reached: readonly number[]): PatternState {
    const closed = new Set<number>();
    for (const position of reached) {
      closed.add(position);
      if (this.tokens[position] === ANY_RUN) closed.add(position + 1);
    }
    // Whatever an earlier position still matches, the last `*` that was reached matches as well.
    let lastRun = -1;
    for (const position of closed) if (this.tokens[position] === ANY_RUN) lastRun = Math.max(lastRun, position);
    const positions = [...closed].filter((position) => position >= lastRun).sort((a, b) => a - b);
    const key = positions.join(' ');
    const known = this.#states.get(key);
    if (known) return known;
    const end = this.tokens.length;
    const state: PatternState = {
      positions,
      isDead: positions.length === 0,
      isOpen: lastRun >= 0 && lastRun === end - 1,
      isAccepting: positions.includes(end),
      next: new Map(),
      number: this.#states.size,
    };
    this.#states.set(key, state);
    return state;
  }
}

function textOf(points: readonly number[]): string {
  return points.map((point) => String.fromCodePoint(point)).join('');
}

/** Within one row of wildcards, each `?` before a single `*`. */
function normalize(tokens: Iterable<number>): readonly number[] {
  const normal: number[] = [];
  let hasRun = false;
  for (const token of tokens) {
    if (token === ANY_RUN) {
      hasRun = true;
      continue;
    }
    if (token !== ANY_ONE && hasRun) {
      normal.push(ANY_RUN);
      hasRun = false;
    }
    normal.push(token);
  }
  if (hasRun) normal.push(ANY_RUN);
  return normal;
}

/**
 * Finds a text that every pattern of `matching` matches, none of `notMatching` does, and no set of `avoiding` holds.
 *
 * Exact: the alphabet is the code points that the patterns mention and one that neither they nor the sets mention, which
 * stands for all others. A text with that one in it is in no set, so only finitely many texts need to be compared with them.
 */
export function findWord(question: WordQuestion, effort: Effort): WordAnswer {
  const mentioned = new Set([...question.matching, ...question.notMatching].flatMap(({ points }) => [...points]));
  const other = unmentionedPoint(mentioned, question.avoiding, effort);
  if (other === undefined) return 'undecided';
  const guess = guesses(question, other).find((word) => isAnswer(question, word));
  if (guess !== undefined) return { word: guess };
  return new WordSearch(question, [other, ...mentioned], effort).run();
}

function isAnswer({ matching, notMatching, avoiding }: WordQuestion, word: string): boolean {
  return (
    matching.every((glob) => glob.matches(word)) &&
    !notMatching.some((glob) => glob.matches(word)) &&
    !avoiding.some((set) => set.has(word))
  );
}

/** Patterns with their wildcards filled in: what answers most questions without a search, also for very long patterns. */
function guesses({ matching }: WordQuestion, other: number): readonly string[] {
  const filler = String.fromCodePoint(other);
  if (matching.length === 0) return [filler];
  return matching.flatMap(({ tokens }) =>
    ['', filler].map((run) =>
      tokens
        .map((token) => (token === ANY_RUN ? run : token === ANY_ONE ? filler : String.fromCodePoint(token)))
        .join(''),
    ),
  );
}

const pointsBySet = new WeakMap<ReadonlySet<string>, ReadonlySet<number>>();

function pointsOf(set: ReadonlySet<string>): ReadonlySet<number> {
  const known = pointsBySet.get(set);
  if (known) return known;
  const points = new Set<number>();
  for (const value of set) for (const character of value) points.add(character.codePointAt(0) ?? 0);
  pointsBySet.set(set, points);
  return points;
}

function unmentionedPoint(
  mentioned: ReadonlySet<number>,
  sets: readonly ReadonlySet<string>[],
  effort: Effort,
): number | undefined {
  const taken = [mentioned, ...sets.map(pointsOf)];
  // From `a` on, past the letters and digits of ids into scripts that nobody uses up; never a surrogate.
  for (let point = 0x61; point < 0xd800; point++) {
    if (!taken.some((points) => points.has(point))) return point;
    if (!effort.spend(1)) return undefined;
  }
  return undefined;
}

interface Node {
  readonly states: readonly PatternState[];
  /** The way here: a text, one code point at a time. */
  readonly before: Node | undefined;
  readonly point: number;
}

const STATES_MAX = 20_000;
const WORDS_MAX = 50_000;

/** Walks all patterns at once, breadth first: `matching` first, then `notMatching`. */
class WordSearch {
  readonly #question: WordQuestion;
  readonly #globs: readonly GlobLanguage[];
  readonly #alphabet: readonly number[];
  readonly #effort: Effort;

  constructor(question: WordQuestion, alphabet: readonly number[], effort: Effort) {
    this.#question = question;
    this.#globs = [...question.matching, ...question.notMatching];
    this.#alphabet = alphabet;
    this.#effort = effort;
  }

  run(): WordAnswer {
    const root: Node = { states: this.#globs.map((glob) => glob.start()), before: undefined, point: 0 };
    const edges = new Map<string, string[]>();
    const accepting: string[] = [];
    const seen = new Set<string>([keyOf(root)]);
    const queue = [root];
    for (const node of queue) {
      const key = keyOf(node);
      if (this.#isAccepting(node)) {
        const word = wordOf(node);
        if (!this.#isAvoided(word)) return { word };
        accepting.push(key);
      }
      for (const next of this.#after(node)) {
        if (!this.#effort.spend(1 + next.states.length)) return 'undecided';
        const nextKey = keyOf(next);
        const before = edges.get(nextKey);
        if (before) before.push(key);
        else edges.set(nextKey, [key]);
        if (seen.has(nextKey)) continue;
        if (seen.size >= STATES_MAX) return 'undecided';
        seen.add(nextKey);
        queue.push(next);
      }
    }
    if (accepting.length === 0) return 'none';
    return this.#enumerate(root, leadingTo(accepting, edges));
  }

  /** The shortest texts are all in the sets: tries the others too, along ways that still lead to a text. */
  #enumerate(root: Node, useful: ReadonlySet<string>): WordAnswer {
    const queue = [root];
    for (const node of queue) {
      if (this.#isAccepting(node)) {
        const word = wordOf(node);
        if (!this.#isAvoided(word)) return { word };
      }
      for (const next of this.#after(node)) if (useful.has(keyOf(next))) queue.push(next);
      if (queue.length > WORDS_MAX || !this.#effort.spend(this.#alphabet.length)) return 'undecided';
    }
    return 'none';
  }

  #after(node: Node): readonly Node[] {
    const wanted = this.#question.matching.length;
    const nodes: Node[] = [];
    for (const point of this.#alphabet) {
      const states = this.#globs.map((glob, i) => glob.step(node.states[i] as PatternState, point));
      const isLost = states.some((state, i) => (i < wanted ? state.isDead : state.isOpen));
      if (!isLost) nodes.push({ states, before: node, point });
    }
    return nodes;
  }

  #isAccepting({ states }: Node): boolean {
    const wanted = this.#question.matching.length;
    return states.every((state, i) => state.isAccepting === i < wanted);
  }

  #isAvoided(word: string): boolean {
    return this.#question.avoiding.some((set) => set.has(word));
  }
}

function keyOf({ states }: Node): string {
  return states.map((state) => state.number).join(' ');
}

function wordOf(node: Node): string {
  const points: string[] = [];
  for (let at = node; at.before; at = at.before) points.push(String.fromCodePoint(at.point));
  return points.toReversed().join('');
}

function leadingTo(targets: readonly string[], edges: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const found = new Set(targets);
  for (const key of found) for (const before of edges.get(key) ?? []) found.add(before);
  return found;
}
