/** The scenario of an emulator that is given none: the tour. Imported as a module so that a bundle carries it. */
import { readScenario, type Scenario } from './scenario.ts';
import tour from './scenarios/tour.json' with { type: 'json' };

/** Returns the tour, checked like any other scenario. */
export function defaultScenario(): Scenario {
  return readScenario(tour);
}
