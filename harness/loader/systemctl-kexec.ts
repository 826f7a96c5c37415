/**
 * `systemctl kexec`: systemd's own shutdown, at whose end systemd-shutdown asks the kernel for the kexec. It refuses
 * where nothing is loaded. Should the kernel refuse at that very end, systemd-shutdown reboots cold and says so at most
 * in one line (systemd, src/shutdown/shutdown.c): that it was no cold reboot, only the new kernel's nonce shows.
 */
import { shutdownLoader } from './shutdown-loader.ts'

export const systemctlKexec = shutdownLoader({ name: 'systemctl-kexec', command: 'systemctl kexec' })
