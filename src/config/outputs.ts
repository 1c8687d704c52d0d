/** Where a stream is handed on to, as a person may write it. */
import { z } from 'zod';
import { OUTPUT_SCHEMES, outputAddress } from '../egress/push/address.ts';
import { FrameliftError } from '../errors.ts';
import { TOKEN, TOKEN_RULE, VARIABLE } from './secrets.ts';

/** Most outputs of one stream. */
const MAX_OUTPUTS = 16;

const url = z.string().superRefine((text, context) => {
  try {
    outputAddress(text);
  } catch (error) {
    if (!(error instanceof FrameliftError)) throw error;
    context.addIssue({ code: 'custom', message: `${error.message}. ${error.remedy}` });
  }
});

const output = z
  .strictObject({
    url: url.describe(`${OUTPUT_SCHEMES.join(', ')}, each with ://`),
    name: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, 'a name has 1 to 64 letters, digits, "-" or "_"')
      .optional()
      .describe('in metrics, logs and the API; default: its number, from 0'),
    variant: z.enum(['upconverted', 'source']).default('upconverted'),
    audio: z.boolean().default(true).describe('false: without the sound'),
    token: z
      .union([z.string().regex(TOKEN, TOKEN_RULE), z.strictObject({ env: z.string().regex(VARIABLE) })])
      .optional()
      .describe('bearer token of a WHIP server, verbatim or as { env: NAME }'),
  })
  .refine(({ url: text, token }) => token === undefined || /^whips?:/i.test(text), {
    error: 'only whip and whips take a token; user name and password of the others stand in their URL',
    path: ['token'],
  });

/** The key of a stream: URLs, or URLs with what else is to be said of them. */
export const outputs = z
  .array(z.union([url.transform((text) => output.parse({ url: text })), output]))
  .max(MAX_OUTPUTS)
  .superRefine((all, context) => {
    const names = all.map(({ name }, index) => name ?? String(index));
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined) context.addIssue({ code: 'custom', message: `the name "${twice}" is used twice` });
  })
  .default([])
  .describe('other servers that the stream is handed on to');

/** One output, defaults filled in. */
export type OutputConfig = z.output<typeof outputs>[number];
