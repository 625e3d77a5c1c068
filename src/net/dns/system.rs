//! The resolver configuration of the machine or pod that shardctl runs on.

use std::collections::BTreeMap;

use futures::StreamExt;
use hickory_resolver::Resolver;
use hickory_resolver::config::{ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::Name;
use hickory_resolver::system_conf::read_system_conf;

use super::exchange::{QUESTIONS_AT_ONCE, net_error};
use super::socket::ConnectedUdp;
use super::{Ask, all_unreachable, answer, in_order};
use crate::model::dns::{Answer, Questions, Server, Vantage};

/// Asks as a program on this machine would: the name servers of its configuration, the next one when one doesn't answer.
///
/// The search list and the hosts file are left out, since the names are absolute, and nothing is cached.
pub async fn by_system(ask: &Ask) -> Questions {
    let server = match read_system_conf() {
        Ok((config, options)) => by_configuration(config, options, ask).await,
        Err(error) => {
            let why = format!(
                "failed to read the resolver configuration of this machine: {}",
                net_error(&error)
            );
            Server {
                name: "the resolver of this machine".to_owned(),
                answers: all_unreachable(ask, &why),
            }
        }
    };
    in_order(Vantage::System, vec![server])
}

/// Asks the servers of a configuration; `options` gives only what says how to talk to them.
async fn by_configuration(config: ResolverConfig, options: ResolverOpts, ask: &Ask) -> Server {
    let servers: Vec<String> = config
        .name_servers()
        .iter()
        .map(|server| server.ip.to_string())
        .collect();
    let name = format!("the resolver of this machine ({})", servers.join(", "));
    let config = ResolverConfig::from_parts(None, Vec::new(), config.name_servers().to_vec());
    let mut builder = Resolver::builder_with_config(config, ConnectedUdp::default()).with_options(options);
    let options = builder.options_mut();
    options.timeout = ask.timeout;
    options.attempts = 0;
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    let resolver = match builder.build() {
        Ok(resolver) => resolver,
        Err(error) => {
            let why = format!(
                "failed to use the resolver configuration of this machine: {}",
                net_error(&error)
            );
            return Server {
                name,
                answers: all_unreachable(ask, &why),
            };
        }
    };
    let resolver = &resolver;
    let answers: BTreeMap<String, Answer> = futures::stream::iter(&ask.names)
        .map(|name| async move { (name.clone(), ask_one(resolver, ask, name).await) })
        .buffer_unordered(QUESTIONS_AT_ONCE)
        .collect()
        .await;
    Server { name, answers }
}

async fn ask_one(resolver: &Resolver<ConnectedUdp>, ask: &Ask, name: &str) -> Answer {
    let question: Name = match answer::question(name, ask.family) {
        Ok(question) => question.name,
        Err(why) => return Answer::Unreachable { why },
    };
    let record_type = answer::record_type(ask.family);
    match tokio::time::timeout(ask.timeout, resolver.lookup(question, record_type)).await {
        Err(_) => answer::timed_out(ask.timeout),
        Ok(Ok(lookup)) => answer::from_records(record_type, lookup.answers()),
        Ok(Err(error)) => from_error(&error, ask),
    }
}

/// The resolver returns everything but addresses as an error.
fn from_error(error: &NetError, ask: &Ask) -> Answer {
    match error {
        NetError::Timeout => answer::timed_out(ask.timeout),
        NetError::Dns(DnsError::NoRecordsFound(found)) => answer::from_code(found.response_code),
        NetError::Dns(DnsError::ResponseCode(code)) => answer::from_code(*code),
        other => Answer::Unreachable {
            why: format!("failed to ask the resolver of this machine: {}", net_error(other)),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use hickory_resolver::config::NameServerConfig;

    use super::super::test_server::TestServer;
    use super::*;

    fn ask(names: &[&str]) -> Ask {
        Ask::new(
            names.iter().map(|name| format!("{name}.test.")).collect(),
            Duration::from_secs(5),
        )
    }

    /// A configuration of these servers, with a search list that must not be used.
    fn configuration(servers: &[SocketAddr]) -> ResolverConfig {
        let servers = servers.iter().map(|address| {
            let mut server = NameServerConfig::udp_and_tcp(address.ip());
            for connection in &mut server.connections {
                connection.port = address.port();
            }
            server
        });
        ResolverConfig::from_parts(None, vec!["searched.".parse().unwrap()], servers.collect())
    }

    #[tokio::test]
    async fn every_kind_of_answer_is_told_apart_by_the_resolver() {
        let server = TestServer::start().await;
        let ask = ask(&["db-1", "nxdomain", "nodata", "servfail", "refused", "long"]);
        let asked = by_configuration(configuration(&[server.address]), ResolverOpts::default(), &ask).await;
        assert_eq!(asked.name, "the resolver of this machine (127.0.0.1)");
        let answers = asked.answers;
        assert_eq!(
            answers["db-1.test."],
            Answer::Addresses {
                addresses: vec![[10, 0, 0, 1].into()],
                ttl: Some(5)
            }
        );
        assert_eq!(answers["nxdomain.test."], Answer::NxDomain);
        assert_eq!(answers["nodata.test."], Answer::NoData);
        assert_eq!(
            answers["servfail.test."],
            Answer::ServerError {
                code: "SERVFAIL".into()
            }
        );
        assert_eq!(answers["refused.test."], Answer::ServerError { code: "REFUSED".into() });
        assert_eq!(
            answers["long.test."],
            Answer::Addresses {
                addresses: vec![[10, 0, 0, 99].into()],
                ttl: Some(5)
            }
        );
    }

    #[tokio::test]
    async fn nothing_is_cached() {
        let server = TestServer::start().await;
        for round in 1..=2 {
            by_configuration(
                configuration(&[server.address]),
                ResolverOpts::default(),
                &ask(&["db-1"]),
            )
            .await;
            assert_eq!(server.datagrams.load(Ordering::SeqCst), round);
        }
    }

    #[tokio::test]
    async fn silence_is_a_timeout() {
        let server = TestServer::start().await;
        let ask = Ask {
            timeout: Duration::from_millis(200),
            ..ask(&["silence"])
        };
        let asked = by_configuration(configuration(&[server.address]), ResolverOpts::default(), &ask).await;
        assert_eq!(asked.answers["silence.test."], Answer::TimedOut { after_ms: 200 });
    }

    #[tokio::test]
    async fn a_server_that_is_gone_is_unreachable() {
        let address = TestServer::start().await.address;
        let asked = by_configuration(configuration(&[address]), ResolverOpts::default(), &ask(&["db-1"])).await;
        let Answer::Unreachable { why } = &asked.answers["db-1.test."] else {
            panic!("{asked:?}")
        };
        assert!(why.starts_with("failed to ask the resolver of this machine"), "{why}");
    }
}
