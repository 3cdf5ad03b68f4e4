/** The list of keys that `?` opens. Loaded when it is asked for. */
import { Dialog } from '@base-ui/react/dialog'
import { X } from 'lucide-react'
import { type Key, nameOf } from './keys'

export function KeyList({ keys, onClose }: { keys: Key[]; onClose: () => void }) {
  return (
    <Dialog.Root open onOpenChange={open => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-30 bg-black/30" />
        <Dialog.Popup className="fixed top-[12vh] left-1/2 z-40 max-h-[76vh] w-[26rem] max-w-[calc(100vw-2rem)] -translate-x-1/2 overflow-y-auto rounded-l border border-edge bg-raised p-4 shadow-floating">
          <div className="mb-2 flex items-center justify-between">
            <Dialog.Title className="font-[650] text-h2">Keys on this page</Dialog.Title>
            <Dialog.Close
              aria-label="Close"
              className="grid size-7 place-items-center rounded-m text-ink3 hover:bg-sunk"
            >
              <X size={15} aria-hidden />
            </Dialog.Close>
          </div>
          <dl className="grid grid-cols-[5rem_1fr] items-baseline gap-x-3 gap-y-1.5">
            {[{ key: '?', does: 'This list' }, ...keys].map(each => (
              <div key={`${each.key} ${each.does}`} className="contents">
                <dt>
                  <kbd className="kbd">{nameOf(each.key)}</kbd>
                </dt>
                <dd className="text-ink2">{each.does}</dd>
              </div>
            ))}
          </dl>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
