//! The names that CoreDNS knows: those of services, and of the pods behind them.
//!
//! Source: CoreDNS `plugin/kubernetes`; `publishNotReadyAddresses` is in the endpoint slices already.

use std::net::Ipv4Addr;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::A;
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use serde_json::{Value, json};

use crate::sim::json::{entry, list, text};
use crate::sim::kind::Kind;
use crate::sim::store::{Key, Store};

/// The cluster's domain.
pub(in crate::sim) const DOMAIN: &str = "cluster.local";

/// For how long an answer may be kept, in seconds.
const TTL: u32 = 5;

/// The answer to a question, both as they go over the wire; none for what is no question.
pub(in crate::sim) fn answer(store: &Store, question: &[u8]) -> Option<Vec<u8>> {
    let query = Message::from_vec(question).ok()?;
    let asked = query.queries.first()?.clone();
    let mut message = query.into_response();
    message.metadata.authoritative = true;
    let labels: Vec<String> = asked
        .name
        .iter()
        .map(|label| String::from_utf8_lossy(label).to_lowercase())
        .collect();
    match addresses(store, &labels) {
        None => message.metadata.response_code = ResponseCode::NXDomain,
        Some(addresses) if asked.query_type == RecordType::A => {
            for address in addresses {
                message.add_answer(Record::from_rdata(asked.name.clone(), TTL, RData::A(A(address))));
            }
        }
        // The name is there, and has nothing of that type.
        Some(_) => {}
    }
    message.to_vec().ok()
}

/// The addresses of a name; none where there is no such name.
fn addresses(store: &Store, labels: &[String]) -> Option<Vec<Ipv4Addr>> {
    let at = labels.iter().position(|label| label == "svc")?;
    let (host, service, space) = match &labels[..at] {
        [service, space] => (None, service, space),
        [host, service, space] => (Some(host.as_str()), service, space),
        _ => return None,
    };
    let found = store.get(&Key::new(Kind::Services, space, service))?;
    let shared = text(found, "/spec/clusterIP");
    if host.is_none() && !["", "None"].contains(&shared) {
        return Some(shared.parse().into_iter().collect());
    }
    let slices = store.all(Kind::EndpointSlices, Some(space.as_str()));
    let ours = slices.filter(|slice| entry(slice, "/metadata/labels", "kubernetes.io/service-name") == Some(service));
    let endpoints = ours.flat_map(|slice| list(slice, "/endpoints"));
    let ready = endpoints.filter(|endpoint| endpoint.pointer("/conditions/ready") != Some(&json!(false)));
    let named = ready.filter(|endpoint| host.is_none_or(|host| text(endpoint, "/hostname") == host));
    let mut addresses: Vec<Ipv4Addr> = named
        .flat_map(|endpoint| list(endpoint, "/addresses"))
        .filter_map(Value::as_str)
        .filter_map(|address| address.parse().ok())
        .collect();
    addresses.sort_unstable();
    (!addresses.is_empty()).then_some(addresses)
}
