// Where a tunnel leads: one port of one network interface of one instance.

export interface TunnelTarget {
  project: string;
  zone: string;
  instance: string;
  networkInterface: string;
  port: number;
}
