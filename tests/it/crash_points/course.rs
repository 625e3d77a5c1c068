//! A course: one case with what goes wrong in each life and what is done in the end, short enough to be repeated by one command.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::sync::Arc;

use shardctl::model::outcome::{End, Outcome};
use shardctl::plan::upgrade::policy::Goal;
use shardctl::sim::faults::Faults;
use shardctl::sim::kind::Kind;
use shardctl::sim::store::Store;

use super::cases::{self, Case};
use super::command::{Command, Upgrade};
use super::play::{Act, Beside, Ended, Played, Stage, play, play_beside};
use super::referee::{Become, Left, at_rest};
use super::scene::NODE;

/// What is done when everything that goes wrong has gone wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing: the last life has to reach the goal.
    Nothing,
    /// The same command again.
    Again,
    /// `recover`.
    Recover,
    /// `recover`, then the same command again.
    Both,
    /// Others begin when the only life sends its requests of these numbers.
    Beside(Rival, Vec<u64>),
}

/// What somebody else runs at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    /// The same command.
    Same,
    /// `recover`.
    Recover,
}

impl Rival {
    /// Those that a case meets.
    pub fn of(case: &Case) -> Vec<Rival> {
        if case.command == Command::Recover {
            vec![Rival::Same]
        } else {
            vec![Rival::Same, Rival::Recover]
        }
    }
}

/// A course.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// The case's name.
    pub case: String,
    /// What goes wrong in each life.
    pub lives: Vec<Faults>,
    /// What is done in the end.
    pub then: Then,
}

impl Display for Course {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.case)?;
        for life in &self.lives {
            write!(to, ";{life}")?;
        }
        let then = match &self.then {
            Then::Nothing => "nothing",
            Then::Again => "again",
            Then::Recover => "recover",
            Then::Both => "both",
            Then::Beside(rival, at) => {
                let word = match rival {
                    Rival::Same => "same",
                    Rival::Recover => "recover",
                };
                let at: Vec<String> = at.iter().map(u64::to_string).collect();
                return write!(to, ";{word}-beside={}", at.join(","));
            }
        };
        write!(to, ";{then}")
    }
}

impl FromStr for Course {
    type Err = String;

    fn from_str(written: &str) -> Result<Course, String> {
        let parts: Vec<&str> = written.split(';').collect();
        let [case, lives @ .., then] = parts.as_slice() else {
            return Err(format!("`{written}` is no course"));
        };
        let then = match *then {
            "nothing" => Then::Nothing,
            "again" => Then::Again,
            "recover" => Then::Recover,
            "both" => Then::Both,
            other => beside(other).ok_or_else(|| format!("`{other}` is no end of a course"))?,
        };
        Ok(Course {
            case: (*case).to_owned(),
            lives: lives.iter().map(|life| life.parse()).collect::<Result<_, _>>()?,
            then,
        })
    }
}

fn beside(written: &str) -> Option<Then> {
    let (word, at) = written.split_once("-beside=")?;
    let rival = match word {
        "same" => Rival::Same,
        "recover" => Rival::Recover,
        _ => return None,
    };
    let at = at.split(',').map(|number| number.parse().ok());
    Some(Then::Beside(rival, at.collect::<Option<_>>()?))
}

impl Course {
    /// The command that repeats it.
    pub fn replay(&self) -> String {
        format!("SHARDCTL_REPLAY='{self}' cargo test --test it crash_points::replay -- --nocapture")
    }

    /// Plays it; what went wrong, each a sentence.
    pub fn play(&self) -> Vec<String> {
        let all = cases::all();
        let Some(case) = all.iter().find(|case| case.name == self.case) else {
            return vec![format!("there is no case {}", self.case)];
        };
        let (stage, first) = case.stage();
        self.play_from(case, stage, &first)
    }

    /// As [`play`](Self::play), from where the case begins.
    pub fn play_from(&self, case: &Case, mut stage: Stage, first: &Arc<Store>) -> Vec<String> {
        if let Then::Beside(rival, at) = &self.then {
            return several_at_once(case, first, stage, *rival, at).wrong;
        }
        let mut wrong = Vec::new();
        for faults in &self.lives {
            let played = play(stage, &with(&case.command, faults));
            if let Ended::Failed(why) = &played.ended
                && why.starts_with("it wasn't over")
            {
                wrong.push(why.clone());
            }
            if self.then == Then::Nothing {
                return reaches_its_goal(case, first, played);
            }
            stage = played.stage;
        }
        wrong.extend(goes_on(case, first, stage.mended(), &self.then));
        wrong
    }
}

fn with(command: &Command, faults: &Faults) -> Act {
    Act {
        command: command.clone(),
        faults: faults.clone(),
    }
}

/// What goes wrong where it goes on after everything that goes wrong.
pub fn goes_on(case: &Case, first: &Arc<Store>, mut stage: Stage, then: &Then) -> Vec<String> {
    let nothing = Faults::default();
    // Who gave the node back has no node to drain any more.
    let released = is_released(first, &stage.plane.store);
    if *then != Then::Again || released {
        let healed = play(stage, &with(&Command::Recover, &nothing));
        let left = Left {
            released: released || is_released(first, &healed.stage.plane.store),
            hurt: case.left.hurts,
            workload: case.left.workload.map(|_| Become::Cut),
            ..Left::default()
        };
        let wrong = judge(case, first, &healed, &left);
        let over = *then == Then::Recover && !case.left.hurts;
        if over || case.command == Command::Recover || released || !wrong.is_empty() {
            return wrong;
        }
        stage = healed.stage;
    }
    let mut again = play(stage, &with(&case.command, &nothing));
    if case.left.hurts && waits_for_a_shard(&again.ended) {
        // A shard that the dead one had just healed isn't Ready yet.
        again = play(again.stage.mended(), &with(&case.command, &nothing));
    }
    judge(case, first, &again, &case.left)
}

/// What is wrong with a life in which nothing deadly went wrong. Who writes the workload's objects, or ends its pool, may stop where he
/// doesn't know whether it was done, and says so; the same again goes on.
pub fn reaches_its_goal(case: &Case, first: &Arc<Store>, played: Played) -> Vec<String> {
    let stopped =
        matches!(&played.ended, Ended::Itself(outcome) if matches!(outcome.end, End::Unreachable | End::Halted));
    if case.left.workload.is_none() || !stopped {
        return judge(case, first, &played, &case.left);
    }
    let mut wrong = played.broken.clone();
    wrong.extend(goes_on(case, first, played.stage, &Then::Again));
    wrong
}

/// Whether a life was refused for a shard that isn't Ready, or goes by the dead one's lock, which hasn't run out.
fn waits_for_a_shard(ended: &Ended) -> bool {
    let Ended::Itself(outcome) = ended else { return false };
    let words = ["isn't Ready", "is being deleted", "has no pod"];
    match outcome.end {
        End::Refused => words.iter().any(|words| outcome.summary.contains(words)),
        End::Locked => true,
        _ => false,
    }
}

/// What came of others in the midst of it.
pub struct Amid {
    /// What went wrong, each a sentence.
    pub wrong: Vec<String>,
    /// The requests at which others began, while the first one was alive.
    pub began: Vec<u64>,
}

/// What comes of it where others begin in the midst of it: at each of these requests, all in one play. Whoever hasn't got the lock
/// leaves everything alone; only he who begins with the first request, before anybody has it, or with the last, which gives it back,
/// may be refused for what he sees.
pub fn several_at_once(case: &Case, first: &Arc<Store>, stage: Stage, rival: Rival, at: &[u64]) -> Amid {
    let command = match rival {
        Rival::Same => case.command.clone(),
        Rival::Recover => Command::Recover,
    };
    let beside = Beside {
        command,
        at: at.to_vec(),
    };
    let played = play_beside(stage, &with(&case.command, &Faults::default()), &beside);
    let mut wrong = played.broken.clone();
    let ends = |ended: &Ended, ends: &[End]| matches!(ended, Ended::Itself(outcome) if ends.contains(&outcome.end));
    let stopped = |ended: &Ended| ends(ended, &[End::Locked, End::Refused]);
    let wanted = match rival {
        Rival::Same => case.left.clone(),
        Rival::Recover => Left::default(),
    };
    for other in &played.beside {
        let amid = other.is_amid && other.at > 1 && other.at < played.sent;
        let locked = if amid {
            ends(&other.ended, &[End::Locked])
        } else {
            stopped(&other.ended)
        };
        // Who begins after the node was given back is told so, and `recover` where there is no set.
        let words = match &other.ended {
            Ended::Failed(why) => why.as_str(),
            _ => "",
        };
        let gone = wanted.released && words.contains("there is no node named")
            || rival == Rival::Recover && says_that_there_is_no_set(case, words);
        if !gone && !locked && !is_well(case, &other.ended, &wanted).0 {
            let ended = ended(&other.ended);
            wrong.push(format!("who began at request {} ended otherwise: {ended}", other.at));
        }
    }
    let first_stopped = stopped(&played.ended);
    if first_stopped && played.beside.iter().all(|other| stopped(&other.ended)) {
        wrong.push("each leaves it to the others".to_owned());
    }
    let began = played
        .beside
        .iter()
        .filter(|other| other.is_amid)
        .map(|other| other.at)
        .collect();
    if wrong.is_empty() {
        wrong = if first_stopped {
            // Another one had the lock, for the same or to put things back.
            goes_on(case, first, played.stage.mended(), &Then::Again)
        } else {
            judge(case, first, &played, &case.left)
        };
    }
    Amid { wrong, began }
}

fn says_that_there_is_no_set(case: &Case, words: &str) -> bool {
    let said = ["there is no StatefulSet in namespace", "there is no namespace named"];
    case.may_have_no_set() && said.iter().any(|said| words.contains(said))
}

/// Whether the node that is drained was given back.
pub fn is_released(first: &Store, last: &Store) -> bool {
    let has = |store: &Store| {
        let mut claims = store.all(Kind::NodeClaims, None);
        claims.any(|claim| claim["status"]["nodeName"] == NODE && claim["metadata"]["deletionTimestamp"].is_null())
    };
    has(first) && !has(last)
}

/// What is wrong with how a life ended, and with what it left.
pub fn judge(case: &Case, first: &Arc<Store>, played: &Played, left: &Left) -> Vec<String> {
    let mut wrong = played.broken.clone();
    let (well, idle) = is_well(case, &played.ended, left);
    if !well {
        wrong.push(format!("it ended otherwise: {}", ended(&played.ended)));
    }
    let left = Left {
        // Who has nothing to do writes nothing: what a dead one held runs out by itself.
        lock: left.lock || idle,
        ..left.clone()
    };
    wrong.extend(at_rest(case.scene, first, &played.stage.plane.store, &left));
    wrong
}

/// Whether a life ended as it should, and whether it had nothing to do.
fn is_well(case: &Case, ended: &Ended, left: &Left) -> (bool, bool) {
    // An undo that has finished isn't undone by asking for it again.
    let undo = matches!(
        &case.command,
        Command::Upgrade(Upgrade {
            goal: Goal::Undo { .. },
            ..
        })
    );
    // Nor is a node declared off that holds nothing any more.
    let moved = |outcome: &Outcome| {
        let holds_nothing = outcome.summary.contains("no shard of this set is on it");
        case.command == Command::NodeIsOff && outcome.end == End::Refused && holds_nothing
    };
    match ended {
        Ended::Itself(outcome) if moved(outcome) => (true, true),
        Ended::Itself(outcome) => (
            outcome.end == End::NothingToDo || outcome.end == left.end.unwrap_or(End::Done),
            outcome.end == End::NothingToDo,
        ),
        Ended::Failed(why) => {
            let undone = undo && why.contains("was an undo itself");
            let no_set = left.workload == Some(Become::Cut) && says_that_there_is_no_set(case, why);
            (undone || no_set, true)
        }
        Ended::Died => (false, false),
    }
}

fn ended(ended: &Ended) -> String {
    match ended {
        Ended::Itself(outcome) => format!("{:?}: {}", outcome.end, outcome.summary),
        Ended::Failed(why) => why.clone(),
        Ended::Died => "it died".to_owned(),
    }
}
