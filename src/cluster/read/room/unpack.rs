//! The same few fields, from protocol buffers. The numbers are those of `k8s.io/api/{core,storage}/v1/generated.proto` and
//! `k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto`.
//!
//! What JSON leaves out because it is empty, this form has as empty: both are none here.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::{
    ALWAYS, Allocatable, Condition, CsiNodeMeta, DAEMON_SET, Disks, Driver, Found, NodeMeta, ShortCsiNode,
    ShortCsiNodeSpec, ShortNode, ShortNodeSpec, ShortNodeStatus, ShortTaint, is_looked_at,
};
use crate::cluster::get::binary::{Field, Malformed, Message, Unpack};
use crate::model::demand::Demand;
use crate::model::load::Placed;
use crate::model::pod::{MIRROR, is_over};
use crate::model::quantity::Amount;

/// One more of what is repeated.
pub(super) fn one_more<T: Unpack>(all: &mut Option<Vec<T>>, field: Field<'_>) -> Result<(), Malformed> {
    all.get_or_insert_default().push(T::unpack(field.message()?)?);
    Ok(())
}

/// An amount as it is written, with its name.
pub(super) fn amount<'b>(field: Field<'b>) -> Result<(&'b str, &'b str), Malformed> {
    let (name, amount) = field.entry()?;
    let mut amount = amount.message()?;
    let mut text = "";
    while let Some((number, field)) = amount.next()? {
        if number == 1 {
            text = field.text()?;
        }
    }
    Ok((name, text))
}

impl Unpack for Found {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let (mut has_metadata, mut has_spec) = (false, false);
        let mut placed = Placed::default();
        while let Some((number, field)) = message.next()? {
            match number {
                1 => {
                    has_metadata = true;
                    metadata(field.message()?, &mut placed)?;
                }
                2 => {
                    has_spec = true;
                    spec(field.message()?, &mut placed)?;
                }
                3 => placed.is_finished = is_over(phase(field.message()?)?),
                _ => {}
            }
        }
        if !has_metadata {
            return Err(Malformed("a pod without metadata"));
        }
        if !has_spec {
            return Err(Malformed("a pod without a spec"));
        }
        Ok(Found(placed))
    }
}

fn metadata(mut message: Message<'_>, placed: &mut Placed) -> Result<(), Malformed> {
    while let Some((number, field)) = message.next()? {
        match number {
            12 => {
                let (key, value) = field.entry()?;
                if key == MIRROR {
                    value.text()?;
                    placed.is_daemon = true;
                }
            }
            13 => owner(field.message()?, placed)?,
            _ => {}
        }
    }
    Ok(())
}

/// An owner of a pod; of several the first that controls it counts.
fn owner(mut message: Message<'_>, placed: &mut Placed) -> Result<(), Malformed> {
    let (mut kind, mut uid, mut controls) = ("", "", false);
    while let Some((number, field)) = message.next()? {
        match number {
            1 => kind = field.text()?,
            4 => uid = field.text()?,
            6 => controls = field.number()? != 0,
            _ => {}
        }
    }
    if controls && placed.controller.is_none() {
        placed.controller = Some(uid.to_owned());
        placed.is_daemon |= kind == DAEMON_SET;
    }
    Ok(())
}

fn spec(mut message: Message<'_>, placed: &mut Placed) -> Result<(), Malformed> {
    let (mut memory, mut cpu) = (Demand::default(), Demand::default());
    let mut overhead = Asked::default();
    while let Some((number, field)) = message.next()? {
        match number {
            2 => {
                let (asked, _) = container(field.message()?)?;
                memory.container(asked.memory);
                cpu.container(asked.cpu);
            }
            10 => placed.node = field.words()?,
            20 => {
                let (asked, keeps_running) = container(field.message()?)?;
                memory.init_container(asked.memory, keeps_running);
                cpu.init_container(asked.cpu, keeps_running);
            }
            32 => overhead.add(field)?,
            40 => {
                let asked = requests(field.message()?)?;
                memory.whole(asked.memory);
                cpu.whole(asked.cpu);
            }
            _ => {}
        }
    }
    memory.overhead(overhead.memory);
    cpu.overhead(overhead.cpu);
    placed.memory = memory.total().unwrap_or_default();
    placed.cpu = cpu.total().unwrap_or_default();
    Ok(())
}

/// What a container asks for, and whether it keeps running where it is one of those that run before the others.
fn container(mut message: Message<'_>) -> Result<(Asked, bool), Malformed> {
    let (mut asked, mut keeps_running) = (Asked::default(), false);
    while let Some((number, field)) = message.next()? {
        match number {
            8 => asked = requests(field.message()?)?,
            24 => keeps_running = field.text()? == ALWAYS,
            _ => {}
        }
    }
    Ok((asked, keeps_running))
}

fn requests(mut message: Message<'_>) -> Result<Asked, Malformed> {
    let mut asked = Asked::default();
    while let Some((number, field)) = message.next()? {
        if number == 2 {
            asked.add(field)?;
        }
    }
    Ok(asked)
}

fn phase(mut message: Message<'_>) -> Result<&str, Malformed> {
    let mut phase = "";
    while let Some((number, field)) = message.next()? {
        if number == 1 {
            phase = field.text()?;
        }
    }
    Ok(phase)
}

/// What counts of what is asked for.
#[derive(Default)]
struct Asked {
    memory: Option<Amount>,
    cpu: Option<Amount>,
}

impl Asked {
    /// One entry of the map of amounts.
    fn add(&mut self, field: Field<'_>) -> Result<(), Malformed> {
        let (name, amount) = amount(field)?;
        match name {
            "memory" => self.memory = Amount::parse(amount).ok(),
            "cpu" => self.cpu = Amount::parse(amount).ok(),
            _ => {}
        }
        Ok(())
    }
}

impl Unpack for ShortNode {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let (mut metadata, mut spec, mut status) = (None, ShortNodeSpec::default(), ShortNodeStatus::default());
        while let Some((number, field)) = message.next()? {
            match number {
                1 => metadata = Some(NodeMeta::unpack(field.message()?)?),
                2 => spec = ShortNodeSpec::unpack(field.message()?)?,
                3 => status = ShortNodeStatus::unpack(field.message()?)?,
                _ => {}
            }
        }
        let metadata = metadata.ok_or(Malformed("a node without metadata"))?;
        Ok(ShortNode { metadata, spec, status })
    }
}

impl Unpack for NodeMeta {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut name = None;
        let mut labels = std::collections::BTreeMap::new();
        while let Some((number, field)) = message.next()? {
            match number {
                1 => name = field.words()?,
                11 => {
                    let (key, value) = field.entry()?;
                    if is_looked_at(key) {
                        labels.insert(key.to_owned(), value.text()?.to_owned());
                    }
                }
                _ => {}
            }
        }
        let name = name.ok_or(Malformed("a node without a name"))?;
        Ok(NodeMeta { name, labels })
    }
}

impl Unpack for ShortNodeSpec {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut spec = ShortNodeSpec::default();
        while let Some((number, field)) = message.next()? {
            match number {
                3 => spec.provider_id = field.words()?,
                4 => spec.unschedulable = (field.number()? != 0).then_some(true),
                5 => one_more(&mut spec.taints, field)?,
                _ => {}
            }
        }
        Ok(spec)
    }
}

impl Unpack for ShortTaint {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let (mut key, mut effect) = (String::new(), String::new());
        while let Some((number, field)) = message.next()? {
            match number {
                1 => key = field.text()?.to_owned(),
                3 => effect = field.text()?.to_owned(),
                _ => {}
            }
        }
        Ok(ShortTaint { key, effect })
    }
}

impl Unpack for ShortNodeStatus {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut status = ShortNodeStatus::default();
        while let Some((number, field)) = message.next()? {
            match number {
                2 => {
                    let all: &mut Allocatable = status.allocatable.get_or_insert_default();
                    let (name, amount) = amount(field)?;
                    let written = match name {
                        "cpu" => &mut all.cpu,
                        "memory" => &mut all.memory,
                        "pods" => &mut all.pods,
                        _ => continue,
                    };
                    *written = Some(Quantity(amount.to_owned()));
                }
                4 => one_more(&mut status.conditions, field)?,
                _ => {}
            }
        }
        Ok(status)
    }
}

impl Unpack for Condition {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let (mut kind, mut status) = (String::new(), String::new());
        while let Some((number, field)) = message.next()? {
            match number {
                1 => kind = field.text()?.to_owned(),
                2 => status = field.text()?.to_owned(),
                _ => {}
            }
        }
        Ok(Condition { kind, status })
    }
}

impl Unpack for ShortCsiNode {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let (mut name, mut drivers) = (None, None);
        while let Some((number, field)) = message.next()? {
            let mut inner = match number {
                1 | 2 => field.message()?,
                _ => continue,
            };
            while let Some((of, field)) = inner.next()? {
                match (number, of) {
                    (1, 1) => name = field.words()?,
                    (2, 1) => one_more(&mut drivers, field)?,
                    _ => {}
                }
            }
        }
        let name = name.ok_or(Malformed("a CSINode without a name"))?;
        Ok(ShortCsiNode {
            metadata: CsiNodeMeta { name },
            spec: ShortCsiNodeSpec { drivers },
        })
    }
}

impl Unpack for Driver {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let (mut name, mut allocatable) = (String::new(), None);
        while let Some((number, field)) = message.next()? {
            match number {
                1 => name = field.text()?.to_owned(),
                4 => allocatable = Some(Disks::unpack(field.message()?)?),
                _ => {}
            }
        }
        Ok(Driver { name, allocatable })
    }
}

impl Unpack for Disks {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut count = None;
        while let Some((number, field)) = message.next()? {
            if number == 1 {
                // An int32, which is written as its 64-bit two's complement.
                let text = Malformed("a count of disks that no 32 bits hold");
                count = Some(i32::try_from(field.number()?.cast_signed()).map_err(|_| text)?);
            }
        }
        Ok(Disks { count })
    }
}
