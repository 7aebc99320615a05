// Whether a process of this machine is still there.

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's, then: it is there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
