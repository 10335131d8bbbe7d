/** Something that expires, and knows its place in the heap. */
export interface Expiring {
  expiresAt: number
  /** Kept by the heap; -1 while it is in none. */
  place: number
}

/** What expires first comes first: a binary heap in which an item can also be moved and removed. */
export class ExpiryHeap<T extends Expiring> {
  readonly #items: T[] = []

  get first(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    this.#put(item, this.#items.length)
    this.#rise(item)
  }

  /** Puts an item right whose `expiresAt` was changed. */
  move(item: T): void {
    this.#rise(item)
    this.#sink(item)
  }

  remove(item: T): void {
    const last = this.#items.pop()
    if (last !== undefined && last !== item) {
      this.#put(last, item.place)
      this.move(last)
    }
    item.place = -1
  }

  #put(item: T, place: number): void {
    this.#items[place] = item
    item.place = place
  }

  #rise(item: T): void {
    while (item.place > 0) {
      const place = item.place
      const parent = this.#items[(place - 1) >> 1]
      if (parent === undefined || parent.expiresAt <= item.expiresAt) return
      this.#put(item, parent.place)
      this.#put(parent, place)
    }
  }

  #sink(item: T): void {
    for (;;) {
      const place = item.place
      const left = this.#items[2 * place + 1]
      const right = this.#items[2 * place + 2]
      const child = right !== undefined && left !== undefined && right.expiresAt < left.expiresAt ? right : left
      if (child === undefined || child.expiresAt >= item.expiresAt) return
      this.#put(item, child.place)
      this.#put(child, place)
    }
  }
}
