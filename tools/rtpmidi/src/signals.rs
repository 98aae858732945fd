//! Signals as events: Ctrl-C and SIGTERM end, a later one ends at once, SIGHUP reads the rules again.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::{Failure, Result};
use crate::interrupt::Interrupt;

/// What a signal asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    Reload,
    End,
}

/// Calls `tell` with each wish, from a thread that ends with the program.
pub(crate) fn catch(tell: impl Fn(Wish) + Send + 'static) -> Result<()> {
    let failed = |error: std::io::Error| Failure::new(format!("cannot catch signals: {error}"));
    // Nobody here looks at whether it has come: it ends the program when it comes again.
    let _ = Interrupt::by(&[SIGINT, SIGTERM])?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
    let run =
        move || signals.forever().for_each(|signal| tell(if signal == SIGHUP { Wish::Reload } else { Wish::End }));
    std::thread::Builder::new().name("signals".to_owned()).spawn(run).map_err(failed)?;
    Ok(())
}
