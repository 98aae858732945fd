//! Whether a channel journal says what the history of its channel demands, field by field.

use proptest::prelude::*;

use crate::model::View;
use crate::walker::{Channel, Control, Log, Notes, Section, Tool};

/// Compares a channel journal, which may be absent, with what the history of the stream demands.
pub(crate) fn compare(journal: &Section, number: u8, view: &View) -> Result<(), TestCaseError> {
    let absent = Channel::default();
    let found = journal.channels.iter().find(|channel| channel.number == number).unwrap_or(&absent);
    prop_assert_eq!(found.program, view.program());
    controllers(&found.control, view)?;
    let parameters = view.parameters().map(|mut chapter| {
        for log in &mut chapter.logs {
            // A C-BUTTON that equals the A-BUTTON is left out.
            log.c_button = log.c_button.filter(|c| log.a_button.is_some_and(|(_, a)| a != *c));
        }
        chapter
    });
    prop_assert_eq!(&found.parameters, &parameters);
    prop_assert_eq!(found.wheel, view.wheel());
    let (notes, extras) = view.notes();
    let without_y = found.notes.clone().map(|chapter| {
        let logs = chapter.logs.iter().map(|log| Log { flag: false, ..*log }).collect();
        Notes { logs, ..chapter }
    });
    prop_assert_eq!(without_y, notes);
    prop_assert_eq!(&found.extras, &extras);
    prop_assert_eq!(found.pressure, view.pressure());
    prop_assert_eq!(&found.poly, &view.poly());
    Ok(())
}

/// Compares the logs one by one. Both halves of a bank select may go along with either, and neither need be there
/// when Chapter P codes them.
fn controllers(logs: &[Control], view: &View) -> Result<(), TestCaseError> {
    let is_bank = |number: u8| matches!(number, 0 | 32);
    let known = view.controllers();
    let listed = |number: u8| logs.iter().any(|log| log.number == number);
    for controller in known.iter().filter(|controller| controller.packet >= view.window.since) {
        let elsewhere = is_bank(controller.number) && view.program_codes_bank();
        prop_assert!(listed(controller.number) || elsewhere, "{:?} is missing", controller);
    }
    let order = |number: u8| known.iter().position(|controller| controller.number == number);
    prop_assert!(logs.is_sorted_by_key(|log| order(log.number)), "oldest first: {:?}", logs);
    for log in logs {
        let controller = order(log.number).map(|index| known[index]);
        prop_assert!(controller.is_some(), "{:?} is stale", log);
        let controller = controller.expect("it is some");
        prop_assert!(controller.packet >= view.window.since || is_bank(log.number), "{:?} is acknowledged", log);
        prop_assert_eq!(log.s, view.s(controller.packet));
        match log.tool {
            Tool::Value(value) => prop_assert_eq!(value, controller.value),
            Tool::Toggle(alt) => prop_assert_eq!(alt, controller.toggles),
            Tool::Count(alt) => prop_assert_eq!(alt, controller.count),
        }
        let valued = |other: &Control| other.number == log.number && matches!(other.tool, Tool::Value(_));
        let implied = match log.tool {
            Tool::Value(value) => value,
            Tool::Toggle(alt) => 127 * (alt & 1),
            Tool::Count(_) => 0,
        };
        prop_assert!(logs.iter().any(valued) || implied == controller.value, "{:?} tells no value", log);
    }
    Ok(())
}
