/** The part of net-snmp (it brings no types) that is used here; see its README. */
declare module 'net-snmp' {
  export type Varbind = { oid: string; type: number; value: unknown }
  type Answer = (error: Error | null, varbinds: Varbind[]) => void
  export type Session = {
    get(oids: string[], answer: Answer): void
    set(varbinds: Varbind[], answer: Answer): void
    close(): void
    on(event: 'error', listener: (error: Error) => void): void
  }
  export type SessionOptions = {
    port: number
    transport: 'udp4' | 'udp6'
    /** Milliseconds before a request is sent again. */
    timeout: number
    retries: number
    version?: number
  }
  export type User = {
    name: string
    level: number
    authProtocol?: number
    authKey?: string
    privProtocol?: number
    privKey?: string
  }
  const snmp: {
    createSession(host: string, community: string, options: SessionOptions): Session
    createV3Session(host: string, user: User, options: SessionOptions): Session
    isVarbindError(varbind: Varbind): boolean
    varbindError(varbind: Varbind): string
    Version1: number
    Version2c: number
    ObjectType: { Integer: number }
    SecurityLevel: { noAuthNoPriv: number; authNoPriv: number; authPriv: number }
    AuthProtocols: { md5: number; sha: number; sha256: number; sha512: number }
    PrivProtocols: { des: number; aes: number; aes256b: number; aes256r: number }
  }
  export default snmp
}
