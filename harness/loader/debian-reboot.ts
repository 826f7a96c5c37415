/**
 * `reboot` with a kernel loaded, which is a kexec on Debian, for one of two reasons. With systemd, `reboot` is a name of
 * systemctl, which then does as `systemctl kexec` (systemd, src/systemctl/systemctl.c; `systemctl reboot` does not, in
 * version 252). With sysvinit, kexec-tools' /etc/init.d/kexec runs `kexec -e` as the system goes down. Where neither is
 * there, it is a cold reboot: the missing nonce tells.
 */
import { shutdownLoader } from './shutdown-loader.ts'

export const debianReboot = shutdownLoader({ name: 'debian-reboot', command: 'reboot' })
