/** What a search may consist of, shown where the rows would be while the one in the box cannot be read. */

const terms: [string, string][] = [
  ['timeout payments', 'both words, in type, message, place or short id'],
  ['"out of memory"', 'a phrase'],
  ['Time*out', 'anything in between'],
  ['level:error,fatal', 'either level'],
  ['!env:staging', 'not in that environment'],
  ['release:4.8.*', 'seen in such a release'],
  ['user:42', 'by user id, mail address, name or address'],
  ['events:>100', 'more than so many events'],
  ['age:-24h', 'first seen within a day; +7d for longer ago'],
  ['assigned:grace@shop.test', 'by who looks after it; assigned:none for nobody'],
  ['browser:Firefox', 'any tag; tags[name]: when it has the name of a key above'],
  ['(TypeError OR RangeError)', 'either side'],
]

export function SearchHelp() {
  return (
    <div className="mx-auto max-w-[44rem] px-4 py-8 phone:py-5">
      <h2 className="mb-3 font-semibold text-h2">How a search is written</h2>
      <dl className="grid grid-cols-[minmax(9rem,auto)_1fr] gap-x-5 gap-y-1.5 text-s">
        {terms.map(([term, meaning]) => (
          <div key={term} className="contents">
            <dt className="font-mono">{term}</dt>
            <dd className="text-ink2">{meaning}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
