/** All that `framelift doctor` looks at. */
import type { Config } from '../../config/schema.ts';
import type { Finding } from './finding.ts';
import { examineMachine } from './machine.ts';
import { examineServing, listening } from './serving.ts';

/**
 * Looks at this machine, and tries a configuration; without one, the port that `serve` would use.
 * Never throws.
 * @param given a configuration, or a port of the loopback.
 */
export async function examine(
  given: Config | number,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Finding[]> {
  const machine = await examineMachine(env);
  const serving = typeof given === 'number' ? [await listening('127.0.0.1', given)] : await examineServing(given, env);
  return [...machine, ...serving];
}
