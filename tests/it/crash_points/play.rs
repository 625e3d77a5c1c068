//! A play: a cluster at rest, and one life after the other at work on it, in virtual time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use shardctl::clock;
use shardctl::cluster::connect::Connection;
use shardctl::model::outcome::Outcome;
use shardctl::sim::faults::Faults;
use shardctl::sim::plane::Plane;
use shardctl::sim::transport::{Cluster, Deed, Life, Witness};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::command::Command;
use super::referee::Referee;
use super::scene::{SPACE, mend};

/// How long the controllers have, once all is over, to do what is left to them.
const SETTLED: Duration = Duration::from_secs(60);

/// How long what a fault broke stays so.
const MENDED: Duration = Duration::from_secs(900);

/// How long one life may take, in virtual time.
const LIFETIME: Duration = Duration::from_secs(3600);

/// How often it is asked whether a rule was broken.
const WHISTLE: Duration = Duration::from_secs(1);

/// One life: a process that runs one command and meets these faults.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// The command.
    pub command: Command,
    /// What goes wrong.
    pub faults: Faults,
}

/// Further processes, which begin while the first one is at work.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    /// The command of each.
    pub command: Command,
    /// The first one's mutating requests at which they begin, one at each.
    pub at: Vec<u64>,
}

/// How a life ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// The command came to its end.
    Itself(Box<Outcome>),
    /// It never began, or couldn't go on; in words.
    Failed(String),
    /// It died of a fault.
    Died,
}

/// Where a play begins, and where it ended: the next one may begin there.
#[derive(Clone)]
pub struct Stage {
    /// The cluster.
    pub plane: Plane,
    /// Its time.
    pub at: Timestamp,
    /// Who looks on, with what he has seen so far.
    pub referee: Referee,
    /// How many lives there were.
    pub lives: u32,
}

impl Stage {
    /// The same, mended, and some time later.
    #[must_use]
    pub fn mended(mut self) -> Stage {
        mend(&mut self.plane);
        self.plane.take_note(self.at);
        self.at = self.at.checked_add(MENDED).unwrap();
        self.plane.run_until(self.at);
        self.referee.saw(&self.plane.store, None, self.at);
        self
    }
}

/// What became of a further process.
pub struct Other {
    /// The first one's request at which it was to begin.
    pub at: u64,
    /// Whether it began then: the first one came to that request, and lived. It begins after him otherwise.
    pub is_amid: bool,
    /// How it ended.
    pub ended: Ended,
}

/// What became of a play.
pub struct Played {
    /// How the life ended.
    pub ended: Ended,
    /// The further processes.
    pub beside: Vec<Other>,
    /// How many mutating requests it sent.
    pub sent: u64,
    /// What was broken up to now, each a sentence.
    pub broken: Vec<String>,
    /// Where it ended.
    pub stage: Stage,
}

/// A wrapper around a client.
pub type Wrapper = dyn Fn(kube::Client) -> kube::Client + Sync;

/// The cluster at a mutating request: what whoever dies then leaves behind.
pub struct Moment {
    /// The request's number.
    pub number: u64,
    /// Whether it was carried out.
    pub after: bool,
    /// The cluster.
    pub stage: Stage,
}

/// Plays one life; the referee sees every change.
pub fn play(stage: Stage, act: &Act) -> Played {
    perform(stage, act, Company::default())
}

/// As [`play`], with the client wrapped; over as soon as a rule is broken.
pub fn play_with(stage: Stage, act: &Act, wrapped: &Wrapper) -> Played {
    let company = Company {
        wrapped: Some(wrapped),
        ..Company::default()
    };
    perform(stage, act, company)
}

/// As [`play`], with further processes beside it.
pub fn play_beside(stage: Stage, act: &Act, beside: &Beside) -> Played {
    let company = Company {
        beside: Some(beside),
        ..Company::default()
    };
    perform(stage, act, company)
}

/// As [`play`], and each moment at which it could have died.
pub fn play_and_keep(stage: Stage, act: &Act) -> (Played, Vec<Moment>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let company = Company {
        kept: Some(kept.clone()),
        ..Company::default()
    };
    let played = perform(stage, act, company);
    let kept = std::mem::take(&mut *kept.lock().unwrap());
    (played, kept)
}

type Kept = Arc<Mutex<Vec<Moment>>>;

/// What a life is played with.
#[derive(Default)]
struct Company<'a> {
    wrapped: Option<&'a Wrapper>,
    kept: Option<Kept>,
    beside: Option<&'a Beside>,
}

fn perform(stage: Stage, act: &Act, company: Company<'_>) -> Played {
    let Company { wrapped, kept, beside } = company;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let Stage {
        plane,
        at,
        referee,
        lives,
    } = stage;
    runtime.block_on(async {
        let _time = clock::rehearse(at);
        let cluster = Cluster::new(plane, at);
        let referee = Arc::new(Mutex::new(referee));
        let begin = beside.into_iter().flat_map(|beside| &beside.at);
        let begin: BTreeMap<u64, Arc<Notify>> = begin.map(|at| (*at, Arc::new(Notify::new()))).collect();
        cluster.watched_by(Whistle {
            referee: referee.clone(),
            kept,
            first: lives + 1,
            begin: begin.clone(),
        });
        tokio::spawn(cluster.clone().keep_time());
        if !act.faults.is_empty() {
            let cluster = cluster.clone();
            tokio::spawn(async move {
                sleep(MENDED).await;
                cluster.with(|plane, _| mend(plane));
            });
        }
        let number = lives + 1;
        let life = Life::new(number, act.faults.clone());
        let first_life = life.clone();
        referee.lock().unwrap().begins(number, !act.faults.is_empty());
        let client = cluster.client_of(&life, SPACE);
        let client = wrapped.map_or(client.clone(), |wrapped| wrapped(client));
        let whistle = async {
            while wrapped.is_none() || referee.lock().unwrap().broken().is_empty() {
                sleep(WHISTLE).await;
            }
        };
        let connection = Connection::to_a_rehearsal(client, SPACE);
        let first = async {
            let ended = tokio::select! {
                biased;
                ended = live(&act.command, &connection, &life) => ended,
                () = whistle => Ended::Failed("a rule was broken".to_owned()),
            };
            referee.lock().unwrap().ends(number, cluster.now());
            // What it left running in the background is over, too.
            life.end();
            begin.values().for_each(|begins| begins.notify_one());
            ended
        };
        let further = (number + 1..).zip(&begin).map(async |(number, (at, begins))| {
            begins.notified().await;
            let is_amid = !first_life.is_dead();
            let life = Life::new(number, Faults::default());
            referee.lock().unwrap().begins(number, false);
            let connection = Connection::to_a_rehearsal(cluster.client_of(&life, SPACE), SPACE);
            let command = &beside.unwrap().command;
            let ended = Box::pin(live(command, &connection, &life)).await;
            referee.lock().unwrap().ends(number, cluster.now());
            life.end();
            Other {
                at: *at,
                is_amid,
                ended,
            }
        });
        let (ended, beside) = tokio::join!(first, join_all(further));
        if ended != Ended::Died {
            sleep(SETTLED).await;
        }
        let at = cluster.now();
        let referee = referee.lock().unwrap().clone();
        cluster.with(|plane, _| {
            let strays = plane.strays.iter().map(|stray| format!("not served: {stray}"));
            Played {
                sent: life.sent(),
                broken: referee.broken().into_iter().chain(strays).collect(),
                stage: Stage {
                    plane: plane.clone(),
                    at,
                    referee,
                    lives: number + u32::try_from(beside.len()).unwrap(),
                },
                ended,
                beside,
            }
        })
    })
}

async fn live(command: &Command, connection: &Connection, life: &Life) -> Ended {
    let run = format!("{:06x}", life.name());
    let lived = timeout(LIFETIME, async {
        tokio::select! {
            biased;
            () = life.ended() => Ended::Died,
            outcome = command.run(connection, &run) => match outcome {
                Ok(outcome) => Ended::Itself(Box::new(outcome)),
                Err(error) => Ended::Failed([&[error.to_string()], error.hints()].concat().join("\n")),
            },
        }
    });
    Box::pin(lived)
        .await
        .unwrap_or_else(|_| Ended::Failed(format!("it wasn't over after {} s", LIFETIME.as_secs())))
}

/// Tells the referee, who is asked afterwards; keeps what could be where a life ends; and tells those who begin at one of the first
/// life's requests.
struct Whistle {
    referee: Arc<Mutex<Referee>>,
    kept: Option<Kept>,
    first: u32,
    begin: BTreeMap<u64, Arc<Notify>>,
}

impl Whistle {
    fn keep(&self, plane: &Plane, deed: &Deed<'_>, after: bool, at: Timestamp) {
        let Some(kept) = &self.kept else { return };
        let mut referee = self.referee.lock().unwrap().clone();
        referee.ends(deed.life, at);
        let stage = Stage {
            plane: plane.clone(),
            at,
            referee,
            lives: deed.life,
        };
        let number = deed.number;
        kept.lock().unwrap().push(Moment { number, after, stage });
    }
}

impl Witness for Whistle {
    fn hears(&mut self, plane: &Plane, deed: &Deed<'_>, now: Timestamp) {
        if let Some(begins) = self.begin.get(&deed.number).filter(|_| deed.life == self.first) {
            begins.notify_one();
        }
        self.keep(plane, deed, false, now);
    }

    fn saw(&mut self, plane: &Plane, deed: Option<(&Deed<'_>, u16)>, now: Timestamp) {
        let of = deed.map(|(deed, _)| deed);
        if let Some((deed, code)) = deed.filter(|_| replays()) {
            let Deed {
                life, number, request, ..
            } = deed;
            eprintln!(
                "{now} life {life}, request {number}: {} {} {code}",
                request.method, request.path
            );
        }
        self.referee.lock().unwrap().saw(&plane.store, of, now);
        if let Some(deed) = of {
            self.keep(plane, deed, true, now);
        }
    }
}

/// Whether one play is repeated, to be read.
pub fn replays() -> bool {
    std::env::var_os("SHARDCTL_REPLAY").is_some()
}
