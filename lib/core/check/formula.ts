/** Rules as formulas over single facts about single attributes, with every `not` pushed down to those. Solves nothing. */
import { kindOfAttribute } from '../attributes.ts';
import type { MatcherForm } from '../matchers.ts';
import type { Clause, Condition, Rule } from '../policy.ts';
import { type Atom, AttributeValues, type Literal } from './attribute-values.ts';
import { GlobLanguage } from './glob-language.ts';
import { ValueSets } from './value-sets.ts';

/** A literal, or formulas of which all, or any, are to hold. */
export type Formula =
  | Literal
  | { readonly kind: 'and'; readonly parts: readonly Formula[] }
  | { readonly kind: 'or'; readonly parts: readonly Formula[] };

/** What a rule, a clause or a condition is asked to be. In three-valued logic "not true" is not the same as "false". */
export type Wanted = 'true' | 'not-true' | 'false' | 'not-false';

/** Builds formulas for the rules of one policy, and keeps what they share. */
export class Formulas {
  readonly sets = new ValueSets();
  readonly #attributes = new Map<string, AttributeValues>();
  readonly #literals = new Map<string, readonly Literal[]>();
  readonly #globs = new Map<string, GlobLanguage>();
  readonly #globsByKey = new Map<string, GlobLanguage>();
  readonly #rules = new Map<string, Formula>();
  #literalCount = 0;

  /** A rule is `when` and not `unless`; its validity is a matter of time and no part of the formula. */
  ofRule(rule: Rule, wanted: Wanted): Formula {
    const key = `${rule.id} ${wanted}`;
    const known = this.#rules.get(key);
    if (known) return known;
    const when = this.ofClauses(rule.when, wanted);
    const formula = rule.unless.length === 0 ? when : join(wanted, [when, this.ofUnless(rule, wanted)]);
    this.#rules.set(key, formula);
    return formula;
  }

  /** The part of a rule that says `unless` does not hold. */
  ofUnless(rule: Rule, wanted: Wanted): Formula {
    return this.ofClauses(rule.unless, OPPOSITE[wanted]);
  }

  /** Clauses of which any holds. */
  ofClauses(clauses: readonly Clause[], wanted: Wanted): Formula {
    return join(
      OPPOSITE[wanted],
      clauses.map((clause) => this.ofClause(clause, wanted)),
    );
  }

  /** Conditions that all hold. */
  ofClause(clause: Clause, wanted: Wanted): Formula {
    return join(
      wanted,
      clause.map((condition) => this.ofCondition(condition, wanted)),
    );
  }

  /** One attribute, one matcher. */
  ofCondition({ attribute, form }: Condition, wanted: Wanted): Formula {
    return this.#ofForm(this.attribute(attribute), form, wanted);
  }

  /** One of the values, for conditions that no rule has. */
  oneOf(attribute: string, values: ReadonlySet<string>): Formula {
    return this.#ofForm(this.attribute(attribute), { kind: 'in', values }, 'true');
  }

  /** The attribute is present, or absent. */
  exists(attribute: string, expected: boolean): Formula {
    return this.#ofForm(this.attribute(attribute), { kind: 'exists', expected }, 'true');
  }

  /** The attribute called `name`; one object for each name. */
  attribute(name: string): AttributeValues {
    const known = this.#attributes.get(name);
    if (known) return known;
    const attribute = new AttributeValues(name, kindOfAttribute(name) ?? 'text');
    this.#attributes.set(name, attribute);
    return attribute;
  }

  /** The pattern as a language; one object for all spellings of it. */
  glob(pattern: string): GlobLanguage {
    const known = this.#globs.get(pattern);
    if (known) return known;
    const fresh = new GlobLanguage(pattern);
    const glob = this.#globsByKey.get(fresh.key) ?? fresh;
    this.#globsByKey.set(fresh.key, glob);
    this.#globs.set(pattern, glob);
    return glob;
  }

  #ofForm(attribute: AttributeValues, form: MatcherForm, wanted: Wanted): Formula {
    switch (form.kind) {
      case 'not':
        return this.#ofForm(attribute, form.of, OPPOSITE[wanted]);
      case 'all':
        return join(
          wanted,
          form.of.map((part) => this.#ofForm(attribute, part, wanted)),
        );
      case 'exists':
        return this.#literal(attribute, { kind: 'present' }, form.expected ? wanted : OPPOSITE[wanted]);
      case 'in':
        return this.#literal(attribute, { kind: 'in', values: this.#shared(form.values) }, wanted);
      case 'like':
        return this.#literal(attribute, this.#atomOfPattern(form.pattern), wanted);
      case 'compare':
        return this.#literal(attribute, form, wanted);
      default:
        return form satisfies never;
    }
  }

  #atomOfPattern(pattern: string): Atom {
    const glob = this.glob(pattern);
    if (glob.isAny) return { kind: 'present' };
    if (glob.onlyText !== undefined) return { kind: 'in', values: this.#shared(new Set([glob.onlyText])) };
    return { kind: 'like', glob };
  }

  #shared(values: ReadonlySet<string>): ReadonlySet<string> {
    return this.sets.setOf(this.sets.numberOf(values));
  }

  #literal(attribute: AttributeValues, atom: Atom, wanted: Wanted): Literal {
    const key = `${this.#keyOf(atom)} ${attribute.name}`;
    const known = this.#literals.get(key) ?? this.#addLiterals(key, attribute, atom);
    return known[WANTED.indexOf(wanted)] as Literal;
  }

  #addLiterals(key: string, attribute: AttributeValues, atom: Atom): readonly Literal[] {
    const literals: Literal[] = [];
    for (const wanted of WANTED) {
      literals.push({
        kind: 'literal',
        id: this.#literalCount++,
        attribute,
        atom,
        holds: wanted === 'true' || wanted === 'not-false',
        orUnknown: wanted === 'not-true' || wanted === 'not-false',
        siblings: literals,
      });
    }
    this.#literals.set(key, literals);
    return literals;
  }

  #keyOf(atom: Atom): string {
    switch (atom.kind) {
      case 'present':
        return 'present';
      case 'in':
        return `in:${this.sets.numberOf(atom.values)}`;
      case 'like':
        return `like:${atom.glob.key}:`;
      case 'compare':
        return `${atom.comparison}:${atom.limit}`;
      default:
        return atom satisfies never;
    }
  }
}

/** In the order that `siblings` has. */
const WANTED: readonly Wanted[] = ['true', 'not-true', 'false', 'not-false'];

/** What a part has to be for its negation to be as wanted. */
const OPPOSITE: Readonly<Record<Wanted, Wanted>> = {
  true: 'false',
  false: 'true',
  'not-true': 'not-false',
  'not-false': 'not-true',
};

/** An AND is true, or not false, when all its parts are; it is false, or not true, when any is. */
function join(wanted: Wanted, parts: readonly Formula[]): Formula {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  return { kind: wanted === 'true' || wanted === 'not-false' ? 'and' : 'or', parts };
}
