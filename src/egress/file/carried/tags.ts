/** Tags on their way from one container to another. Pure. */

/** Names and values. */
export type Tags = Readonly<Record<string, string>>;

/** What describes the old file or its coding, and is not true of the new one. */
const OF_THE_OLD_FILE =
  /^(encoder|encoded_by_tool|duration|bps|number_of_.*|_statistics_.*|source_id|major_brand|minor_version|compatible_brands|vendor_id|rotate|variant_bitrate|creation_tool)(-[a-z]{3})?$/i;

/** Tags of a stream that are true of its copy: language, title, the handler's name. */
export function streamTags(tags: Tags): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([name]) => !OF_THE_OLD_FILE.test(name)));
}

/**
 * Tags of a whole file that are true of a converted one, and the names of those that a container has no place for.
 * @param known names that it has a place for; `all` for any.
 */
export function fileTags(
  tags: Tags,
  known: 'all' | readonly string[],
): { kept: Record<string, string>; lost: string[] } {
  const kept = streamTags(tags);
  if (known === 'all') return { kept, lost: [] };
  const lost = Object.keys(kept).filter((name) => !known.includes(name.toLowerCase()));
  for (const name of lost) delete kept[name];
  return { kept, lost };
}
