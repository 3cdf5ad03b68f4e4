/** Text from events: as text only, hidden characters as marks. */
import { pieces, webAddress } from '@/lib/text'

export function Text({ children }: { children: string | null | undefined }) {
  if (!children) return null
  const parts = pieces(children)
  if (parts.length === 1 && !parts[0]?.mark) return children
  return (
    <bdi>
      {parts.map((piece, index) =>
        piece.mark ? (
          <span key={index} className="char-mark" title="A hidden character of the text">
            {piece.mark}
          </span>
        ) : (
          piece.text
        ),
      )}
    </bdi>
  )
}

/** Text that becomes a link when all of it is a web address. */
export function LinkedText({ children }: { children: string }) {
  const address = webAddress(children)
  return address ? <WebLink address={address}>{children}</WebLink> : <Text>{children}</Text>
}

/** A way out of the product, to an address that `webAddress` has found good. */
export function WebLink({ address, children }: { address: string; children: string }) {
  return (
    <a href={address} target="_blank" rel="noopener noreferrer" className="prose-link break-all">
      <Text>{children}</Text>
    </a>
  )
}
