using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [ (name = "suite", worker = .worker) ],
  sockets = [ (name = "loopback", address = "127.0.0.1:0", http = (), service = "suite") ],
);

# What Node has, as far as workerd has it, is there without a flag since 2026-08-04.
const worker :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "suite.js", esModule = embed "suite.js"),
  ],
  compatibilityDate = "2026-11-17",
);
