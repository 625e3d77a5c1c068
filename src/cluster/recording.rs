//! A recording that nothing is in yet: where every look at the cluster begins.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::cluster::connect::Connection;
use crate::model::read::Read;
use crate::model::recording::{KIND, Recording, Taken, VERSION};

/// A recording of nothing yet.
pub fn empty(connection: &Connection, chosen: Option<String>) -> Recording {
    Recording {
        kind: KIND.to_owned(),
        version: VERSION,
        taken: Taken {
            at: Timestamp::UNIX_EPOCH,
            by: concat!("shardctl ", env!("CARGO_PKG_VERSION")).to_owned(),
            context: connection.context().map(str::to_owned),
            server: Read::Unreadable("the server wasn't asked for its version".to_owned()),
            namespace: connection.namespace().to_owned(),
            statefulset: chosen,
            redacted: false,
        },
        rights: Read::Got(Vec::new()),
        objects: BTreeMap::new(),
        logs: BTreeMap::new(),
        domain: Read::Absent("not asked".to_owned()),
        dns: Read::Absent("not asked: the checks of names are left out".to_owned()),
        protection: Read::Absent("only tried with --probe-protection".to_owned()),
    }
}
