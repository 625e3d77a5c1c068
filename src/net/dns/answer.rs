//! A name server's message as an [`Answer`].
//!
//! NXDOMAIN (no such name) and NODATA (the name is there, without such a record) are told apart by the response code alone,
//! RFC 2308 section 2; an alias in the answer section changes nothing about that.

use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use super::Family;
use crate::model::dns::Answer;

/// The record type that a family asks for.
pub(super) fn record_type(family: Family) -> RecordType {
    match family {
        Family::V4 => RecordType::A,
        Family::V6 => RecordType::AAAA,
    }
}

/// The question for `name`, taken as absolute; the error is a sentence without a full stop.
pub(super) fn question(name: &str, family: Family) -> Result<Query, String> {
    let mut parsed =
        Name::from_ascii(name).map_err(|error| format!("{name} is not a name that DNS can carry: {error}"))?;
    parsed.set_fqdn(true);
    Ok(Query::query(parsed, record_type(family)))
}

/// Reads the response to `asked`.
pub(super) fn from_response(asked: &Query, response: &Message) -> Answer {
    if response
        .queries
        .first()
        .is_some_and(|answered| answered.name != asked.name)
    {
        return Answer::Unreachable {
            why: "the server answered a question that was not asked".to_owned(),
        };
    }
    match response.metadata.response_code {
        ResponseCode::NoError => from_records(asked.query_type(), &response.answers),
        code => from_code(code),
    }
}

/// NOERROR with these records in the answer section.
pub(super) fn from_records(asked: RecordType, records: &[Record]) -> Answer {
    let mut addresses: Vec<IpAddr> = Vec::new();
    let mut ttl = u32::MAX;
    for record in records {
        let address = match &record.data {
            RData::A(address) if asked == RecordType::A => IpAddr::V4(address.0),
            RData::AAAA(address) if asked == RecordType::AAAA => IpAddr::V6(address.0),
            // An alias on the way may expire first.
            RData::CNAME(_) => {
                ttl = ttl.min(record.ttl);
                continue;
            }
            _ => continue,
        };
        ttl = ttl.min(record.ttl);
        addresses.push(address);
    }
    if addresses.is_empty() {
        return Answer::NoData;
    }
    addresses.sort_unstable();
    addresses.dedup();
    Answer::Addresses {
        addresses,
        ttl: Some(ttl),
    }
}

/// A response code other than NOERROR.
pub(super) fn from_code(code: ResponseCode) -> Answer {
    match code {
        ResponseCode::NXDomain => Answer::NxDomain,
        ResponseCode::NoError => Answer::NoData,
        other => Answer::ServerError { code: code_name(other) },
    }
}

/// The mnemonic that dig and the CoreDNS log use (IANA "DNS RCODEs").
fn code_name(code: ResponseCode) -> String {
    let name = match code {
        ResponseCode::FormErr => "FORMERR",
        ResponseCode::ServFail => "SERVFAIL",
        ResponseCode::NotImp => "NOTIMP",
        ResponseCode::Refused => "REFUSED",
        ResponseCode::YXDomain => "YXDOMAIN",
        ResponseCode::YXRRSet => "YXRRSET",
        ResponseCode::NXRRSet => "NXRRSET",
        ResponseCode::NotAuth => "NOTAUTH",
        ResponseCode::NotZone => "NOTZONE",
        ResponseCode::BADVERS => "BADVERS",
        other => return format!("RCODE {}", u16::from(other)),
    };
    name.to_owned()
}

/// No answer within `limit`.
pub(super) fn timed_out(limit: Duration) -> Answer {
    Answer::TimedOut {
        after_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::rr::rdata::{A, CNAME};

    fn record(ttl: u32, data: RData) -> Record {
        Record::from_rdata(Name::from_ascii("db-0.db.x.svc.cluster.local.").unwrap(), ttl, data)
    }

    #[test]
    fn addresses_are_sorted_and_the_shortest_life_counts() {
        let records = [
            record(3, RData::CNAME(CNAME(Name::from_ascii("elsewhere.").unwrap()))),
            record(30, RData::A(A::new(10, 0, 0, 9))),
            record(5, RData::A(A::new(10, 0, 0, 1))),
            record(5, RData::A(A::new(10, 0, 0, 1))),
        ];
        let expected = Answer::Addresses {
            addresses: vec!["10.0.0.1".parse().unwrap(), "10.0.0.9".parse().unwrap()],
            ttl: Some(3),
        };
        assert_eq!(from_records(RecordType::A, &records), expected);
    }

    #[test]
    fn an_address_of_the_other_family_is_no_data() {
        let records = [record(5, RData::A(A::new(10, 0, 0, 1)))];
        assert_eq!(from_records(RecordType::AAAA, &records), Answer::NoData);
    }

    #[test]
    fn an_alias_that_leads_nowhere_is_no_data() {
        let records = [record(3, RData::CNAME(CNAME(Name::from_ascii("elsewhere.").unwrap())))];
        assert_eq!(from_records(RecordType::A, &records), Answer::NoData);
    }

    #[test]
    fn codes_have_the_names_that_people_search_for() {
        assert_eq!(
            from_code(ResponseCode::Refused),
            Answer::ServerError { code: "REFUSED".into() }
        );
        assert_eq!(
            from_code(ResponseCode::ServFail),
            Answer::ServerError {
                code: "SERVFAIL".into()
            }
        );
        assert_eq!(
            from_code(ResponseCode::Unknown(3841)),
            Answer::ServerError {
                code: "RCODE 3841".into()
            }
        );
    }

    #[test]
    fn a_name_that_dns_cannot_carry_is_said_so() {
        let why = question(&"x".repeat(64), Family::V4).unwrap_err();
        assert!(why.contains("not a name that DNS can carry"), "{why}");
    }
}
