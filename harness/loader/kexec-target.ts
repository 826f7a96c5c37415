/**
 * systemd's kexec.target, started as any unit: what `systemctl kexec` does, without its look at whether a kernel is
 * loaded. With nothing loaded the system shuts down all the same, and reboots cold.
 */
import { shutdownLoader } from './shutdown-loader.ts'

// systemctl waits for what it starts, and here that ends with the shell itself.
export const kexecTarget = shutdownLoader({
  name: 'kexec-target',
  command: 'systemctl start --no-block --job-mode=replace-irreversibly kexec.target',
})
