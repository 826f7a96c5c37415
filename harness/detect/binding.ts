/** Which driver had a device before the kexec. */

/** What was bound to a PCI device; `inner` are drivers of the buses behind it, such as virtio_net. */
export type Binding = { device: string; driver: string; inner: string[] }

/** The driver that a person looks for: that of the device behind a transport such as virtio-pci. */
export function driverOf({ driver, inner }: Binding): string {
  return inner.length === 1 ? inner[0]! : driver
}

/** Names the driver that was bound to a finding's device, where the finding's own text did not. */
export function withDriver<F extends { device: string | null; driver: string | null }>(
  finding: F,
  bindings: readonly Binding[],
): F {
  if (finding.driver !== null || finding.device === null) return finding
  const binding = bindings.find(({ device }) => device === finding.device)
  return binding ? { ...finding, driver: driverOf(binding) } : finding
}
