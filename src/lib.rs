//! shardctl looks after stateful shards on Kubernetes: a system that is down when any one shard is down.
