//! Questions asked inside a pod, with whatever tool its image has: what a shard itself would be told.

use std::collections::BTreeMap;
use std::time::Duration;

use super::tool_output::{Tool, read};
use super::{Ask, Family, all_unreachable, answer, in_order};
use crate::model::dns::{Answer, Questions, Server, Vantage};
use crate::net::exec::{self, End, Ran};

/// Picks a tool, asks all names, and writes lines that [`report`] reads.
const SCRIPT: &str = include_str!("lookup.sh");

/// Names looked up at the same time by the script.
const AT_ONCE: usize = 8;

/// For the upgrade, for starting the shell and, on a busy node, for the processes to get their turn.
const START: Duration = Duration::from_secs(5);

/// How long reading a small file in a pod may take.
const READING: Duration = Duration::from_secs(10);

/// Asks for every name inside a container of `pod` (its only one, or the one named), in one command for all names.
///
/// Uses dig, nslookup (of BIND or busybox) or getent, whichever the image has first; without any of them, or without a
/// shell, every name is [`Answer::Unreachable`] and says so. The last two kinds of tool can't tell why a name has no address.
/// Answers come from the pod's resolver; getent and an old busybox also read its hosts file, in which the kubelet writes the
/// pod's own name. Needs an HTTP/1.1 client.
pub async fn by_exec(
    client: &kube::Client,
    namespace: &str,
    pod: &str,
    container: Option<&str>,
    ask: &Ask,
) -> Questions {
    let seconds = whole_seconds(ask.timeout);
    let rounds = u32::try_from(ask.names.len().div_ceil(AT_ONCE)).unwrap_or(u32::MAX);
    // Twice, since the tools go on to the second server of resolv.conf with the same limit.
    let limit = START + Duration::from_secs(seconds).saturating_mul(2).saturating_mul(rounds);
    let seconds = seconds.to_string();
    let family = match ask.family {
        Family::V4 => "a",
        Family::V6 => "aaaa",
    };
    let askable: Vec<&str> = ask
        .names
        .iter()
        .map(String::as_str)
        .filter(|name| is_host_name(name))
        .collect();
    let mut command = vec!["sh", "-c", SCRIPT, "lookup.sh", &seconds, family];
    command.extend(&askable);

    let (tool, mut answers) = match exec::run(client, namespace, pod, container, &command, limit).await {
        Ok(ran) => report(pod, &ran, &askable, ask, limit),
        Err(error) => (None, all_unreachable(ask, error.message())),
    };
    for name in ask.names.iter().filter(|name| !is_host_name(name)) {
        answers.insert(
            name.clone(),
            Answer::Unreachable {
                why: format!("{name} is not a name that can be looked up by a command"),
            },
        );
    }
    let name = match tool {
        Some(tool) => format!("the resolver of pod/{pod}, by {tool}"),
        None => format!("the resolver of pod/{pod}"),
    };
    in_order(Vantage::Exec { pod: pod.to_owned() }, vec![Server { name, answers }])
}

/// Reads the cluster's domain from the search list of a pod's resolv.conf: `cluster.local` from `svc.cluster.local`.
///
/// # Errors
/// A sentence without a full stop: the file can't be read (no rights, no `cat` in the image), or it has no such list, as in
/// a pod with the node's DNS policy.
pub async fn search_domain_in_pod(
    client: &kube::Client,
    namespace: &str,
    pod: &str,
    container: Option<&str>,
) -> Result<String, String> {
    let command = ["cat", "/etc/resolv.conf"];
    let ran = exec::run(client, namespace, pod, container, &command, READING)
        .await
        .map_err(|error| error.message().to_owned())?;
    let what = format!("failed to read /etc/resolv.conf in pod/{pod}");
    match ran.end {
        End::Success => cluster_domain(&ran.stdout)
            .ok_or_else(|| format!("{what}: its search list has no entry that starts with svc.")),
        End::Failed(words) if is_missing_program(&words) => Err(format!("{what}: the image has no cat")),
        End::Failed(words) => Err(format!("{what}: {words}")),
        End::TimedOut => Err(format!("{what}: no answer within {} ms", READING.as_millis())),
    }
}

/// The domain behind `svc.` in the search list; the last `search` line counts, as in resolv.conf(5).
fn cluster_domain(resolv_conf: &str) -> Option<String> {
    let search = resolv_conf
        .lines()
        .filter_map(|line| line.trim().strip_prefix("search"))
        .rfind(|rest| rest.starts_with(char::is_whitespace))?;
    let domain = search
        .split_whitespace()
        .find_map(|entry| entry.strip_prefix("svc."))?
        .trim_end_matches('.');
    (is_host_name(domain)).then(|| domain.to_owned())
}

/// Whether a name may be an argument of a command: nothing that a tool would take for an option or a server.
fn is_host_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !name.is_empty() && !name.starts_with('-') && name.chars().all(allowed)
}

/// The tools count in whole seconds; never less than was asked for.
fn whole_seconds(timeout: Duration) -> u64 {
    timeout
        .as_millis()
        .div_ceil(1000)
        .clamp(1, 3600)
        .try_into()
        .unwrap_or(3600)
}

fn is_missing_program(words: &str) -> bool {
    [
        "executable file not found",
        "no such file or directory",
        "exit code 127",
        "exit code 126",
    ]
    .iter()
    .any(|sign| words.contains(sign))
}

/// The answers in what the script wrote; a name that it didn't come to has the reason why.
fn report(
    pod: &str,
    ran: &Ran,
    names: &[&str],
    ask: &Ask,
    limit: Duration,
) -> (Option<Tool>, BTreeMap<String, Answer>) {
    let unanswered = |tool: Option<Tool>| match (&ran.end, tool) {
        (End::TimedOut, _) => answer::timed_out(limit),
        (End::Failed(words), None) if is_missing_program(words) => Answer::Unreachable {
            why: format!("the image of pod/{pod} has no shell to look names up with"),
        },
        (End::Failed(words), _) => Answer::Unreachable {
            why: format!("failed to look names up in pod/{pod}: {words}"),
        },
        (End::Success, _) => Answer::Unreachable {
            why: format!("failed to look names up in pod/{pod}: the command ended without a word about this name"),
        },
    };
    let all = |answer: Answer| names.iter().map(|name| ((*name).to_owned(), answer.clone())).collect();

    let mut lines = ran.stdout.lines();
    // A shell's profile may write before the script does.
    let Some(tool) = lines.by_ref().find_map(|line| line.strip_prefix("tool ")) else {
        return (None, all(unanswered(None)));
    };
    if tool == "none" {
        let why = format!("the image of pod/{pod} has neither dig nor nslookup nor getent");
        return (None, all(Answer::Unreachable { why }));
    }
    let Some(tool) = Tool::named(tool) else {
        return (None, all(unanswered(None)));
    };

    let mut written: Vec<(String, bool)> = vec![(String::new(), false); names.len()];
    for line in lines {
        let Some((number, rest)) = line.split_once(' ') else {
            continue;
        };
        let Some(about) = number
            .parse()
            .ok()
            .and_then(|n: usize| written.get_mut(n.checked_sub(1)?))
        else {
            continue;
        };
        if let Some(text) = rest.strip_prefix('|') {
            about.0.push_str(text);
            about.0.push('\n');
        } else if rest == "end" {
            about.1 = true;
        }
    }
    let answers = names
        .iter()
        .zip(&written)
        .map(|(name, (output, ended))| {
            let answer = if *ended {
                read(tool, output, ask)
            } else {
                unanswered(Some(tool))
            };
            ((*name).to_owned(), answer)
        })
        .collect();
    (Some(tool), answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> Ask {
        Ask::new(vec!["a.".into(), "b.".into()], Duration::from_secs(2))
    }

    fn reported(stdout: &str, end: End) -> (Option<Tool>, BTreeMap<String, Answer>) {
        report(
            "db-0",
            &Ran {
                stdout: stdout.into(),
                end,
            },
            &["a.", "b."],
            &ask(),
            Duration::from_secs(9),
        )
    }

    fn why(answer: &Answer) -> &str {
        match answer {
            Answer::Unreachable { why } => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lines_of_two_names_may_be_mixed() {
        let (tool, answers) = reported(
            "tool getent\n2 |10.0.0.2 STREAM b.\n1 |10.0.0.1 STREAM a.\n2 end\n1 end\n",
            End::Success,
        );
        assert_eq!(tool, Some(Tool::Getent));
        assert_eq!(
            answers["a."],
            Answer::Addresses {
                addresses: vec![[10, 0, 0, 1].into()],
                ttl: None
            }
        );
        assert_eq!(
            answers["b."],
            Answer::Addresses {
                addresses: vec![[10, 0, 0, 2].into()],
                ttl: None
            }
        );
    }

    #[test]
    fn what_was_answered_before_the_time_was_up_is_kept() {
        let (_, answers) = reported(
            "tool getent\n1 |10.0.0.1 STREAM a.\n1 end\n2 |10.0.0.2 STREAM b.\n",
            End::TimedOut,
        );
        assert!(matches!(answers["a."], Answer::Addresses { .. }));
        assert_eq!(
            answers["b."],
            Answer::TimedOut { after_ms: 9000 },
            "without its end the output may be half of it"
        );
    }

    #[test]
    fn a_lost_connection_is_not_a_timeout() {
        let (_, answers) = reported("tool dig\n", End::Failed("the connection was closed".into()));
        assert_eq!(
            why(&answers["b."]),
            "failed to look names up in pod/db-0: the connection was closed"
        );
    }

    #[test]
    fn an_image_without_tools_or_without_a_shell_says_so() {
        let (tool, answers) = reported("tool none\n", End::Success);
        assert_eq!(tool, None);
        assert_eq!(
            why(&answers["a."]),
            "the image of pod/db-0 has neither dig nor nslookup nor getent"
        );
        let words = "OCI runtime exec failed: exec: \"sh\": executable file not found in $PATH: unknown";
        let (_, answers) = reported("", End::Failed(words.into()));
        assert_eq!(
            why(&answers["b."]),
            "the image of pod/db-0 has no shell to look names up with"
        );
    }

    #[test]
    fn a_line_about_no_name_is_passed_over() {
        let (_, answers) = reported(
            "hello\ntool getent\n0 |10.0.0.9 x\n3 |10.0.0.9 x\nnonsense\n1 |10.0.0.1 x\n1 end\n",
            End::Success,
        );
        assert_eq!(
            answers["a."],
            Answer::Addresses {
                addresses: vec![[10, 0, 0, 1].into()],
                ttl: None
            }
        );
        assert!(why(&answers["b."]).contains("without a word about this name"));
    }

    #[test]
    fn the_cluster_domain_follows_svc_in_the_search_list() {
        let file =
            "nameserver 10.96.0.10\nsearch db.svc.cluster.local svc.cluster.local cluster.local lan\noptions ndots:5\n";
        assert_eq!(cluster_domain(file).as_deref(), Some("cluster.local"));
        assert_eq!(
            cluster_domain("search\tx.svc.k8s.example.org. svc.k8s.example.org. k8s.example.org.").as_deref(),
            Some("k8s.example.org")
        );
        assert_eq!(
            cluster_domain("search old.lan\nsearch svc.a.b\nsearch x.svc.c svc.c c").as_deref(),
            Some("c"),
            "the last line counts"
        );
    }

    #[test]
    fn a_node_s_search_list_has_no_cluster_domain() {
        assert_eq!(cluster_domain("search lan\nnameserver 1.1.1.1\n"), None);
        assert_eq!(cluster_domain("searching svc.cluster.local"), None);
        assert_eq!(cluster_domain("search svc.clus\u{1b}[31mter"), None);
        assert_eq!(cluster_domain(""), None);
    }

    #[test]
    fn options_and_servers_are_not_names() {
        assert!(is_host_name("db-0.db.x.svc.cluster.local."));
        for name in ["-port=1", "@1.1.1.1", "+short", "a b", "$(x)", ""] {
            assert!(!is_host_name(name), "{name}");
        }
    }

    #[test]
    fn a_part_of_a_second_is_a_second() {
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_millis(2001)), 3);
        assert_eq!(whole_seconds(Duration::MAX), 3600);
    }
}

#[cfg(test)]
mod script_tests;
