//! What the crate `jack` does not offer of JACK's library, or not without taking part in the processing.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jack::jack_sys as sys;
use jack::{Client, Port, PortFlags, Unowned};
use port_rules::Id;

use super::Threads;
use crate::ports::{Listener, News};

/// Who takes what the server tells a client; kept until that is closed.
pub(super) struct Notices(Box<Ear>);

/// What the callbacks know.
struct Ear {
    listener: Listener,
    threads: Arc<Threads>,
    is_over: AtomicBool,
}

impl Notices {
    pub(super) fn new(listener: Listener) -> Self {
        Self(Box::new(Ear { listener, threads: Arc::default(), is_over: AtomicBool::new(false) }))
    }

    /// The threads in which the server tells.
    pub(super) fn threads(&self) -> &Threads {
        &self.0.threads
    }

    /// The server does not tell anything any more.
    pub(super) fn end(&self) {
        self.0.is_over.store(true, Ordering::SeqCst);
    }

    /// Whether the server has told that it is gone.
    pub(super) fn are_over(&self) -> bool {
        self.0.is_over.load(Ordering::SeqCst)
    }

    /// Lets the server tell, from here on; false if it does not want to.
    ///
    /// # Safety
    /// The client is closed before this value ends, whatever comes back: the library keeps what it was given.
    pub(super) unsafe fn give(&self, client: &Client) -> bool {
        let (client, context) = (client.raw(), ptr::from_ref::<Ear>(&self.0).cast_mut().cast::<c_void>());
        // SAFETY: the client is open and not active, the functions have the types that the library wants, and the context
        // stays where it is, in its box, until the client is closed, as the caller says.
        unsafe {
            sys::jack_set_thread_init_callback(client, Some(begun), context);
            sys::jack_on_info_shutdown(client, Some(over), context);
            // Without them a server that is older, or PipeWire, tells by the look around that follows other news.
            sys::jack_set_port_rename_callback(client, Some(renamed), context);
            sys::jack_set_property_change_callback(client, Some(described), context);
            sys::jack_set_port_registration_callback(client, Some(registered), context) == 0
                && sys::jack_set_port_connect_callback(client, Some(connected), context) == 0
                && sys::jack_activate(client) == 0
        }
    }
}

/// Tells the listener.
///
/// # Safety
/// `context` is what `Notices::give` has given.
unsafe fn tell(context: *mut c_void, news: News) {
    // SAFETY: see above; nobody changes it.
    let ear = unsafe { &*context.cast::<Ear>() };
    let _inside = ear.threads.enter();
    if news == News::Over {
        ear.is_over.store(true, Ordering::SeqCst);
    }
    (ear.listener)(news);
}

const fn number(port: sys::jack_port_id_t) -> Id {
    Id(port as u64)
}

unsafe extern "C" fn begun(context: *mut c_void) {
    // SAFETY: the library hands on what it was given, and nobody changes it.
    unsafe { &*context.cast::<Ear>() }.threads.begin();
}

unsafe extern "C" fn registered(port: sys::jack_port_id_t, is_there: c_int, context: *mut c_void) {
    let news = if is_there == 0 { News::Gone(number(port)) } else { News::Port(number(port)) };
    // SAFETY: as above.
    unsafe { tell(context, news) }
}

unsafe extern "C" fn connected(
    from: sys::jack_port_id_t,
    to: sys::jack_port_id_t,
    are_connected: c_int,
    context: *mut c_void,
) {
    let pair = (number(from), number(to));
    let news = if are_connected == 0 { News::Disconnected(pair.0, pair.1) } else { News::Connected(pair.0, pair.1) };
    // SAFETY: as above.
    unsafe { tell(context, news) }
}

unsafe extern "C" fn renamed(
    port: sys::jack_port_id_t,
    _old: *const c_char,
    _new: *const c_char,
    context: *mut c_void,
) -> c_int {
    // SAFETY: as above.
    unsafe { tell(context, News::Port(number(port))) }
    0
}

unsafe extern "C" fn described(
    _subject: sys::jack_uuid_t,
    _key: *const c_char,
    _change: sys::jack_property_change_t,
    context: *mut c_void,
) {
    // SAFETY: as above.
    unsafe { tell(context, News::Unclear) }
}

unsafe extern "C" fn over(_code: sys::jack_status_t, _reason: *const c_char, context: *mut c_void) {
    // SAFETY: as above.
    unsafe { tell(context, News::Over) }
}

/// What kind of port it is; bits that nobody knows, as PipeWire may have some, do not count.
pub(super) fn flags(port: &Port<Unowned>) -> PortFlags {
    // SAFETY: the port is one of a client that is open.
    let bits = unsafe { sys::jack_port_flags(port.raw()) };
    PortFlags::from_bits_truncate(bits as sys::Enum_JackPortFlags)
}

/// The number of a port in what the server tells. Its UUID has it: JACK 1 and 2 and PipeWire make it of that, plus one.
pub(super) fn id(port: &Port<Unowned>) -> Id {
    // SAFETY: the port is one of a client that is open.
    let uuid = unsafe { sys::jack_port_uuid(port.raw()) };
    number((uuid as sys::jack_port_id_t).wrapping_sub(1))
}

/// The names of the ports that a port is connected to, whoever owns it.
pub(crate) fn connections(client: &Client, port: &Port<Unowned>) -> Vec<String> {
    let mut names = Vec::new();
    // SAFETY: port and client belong together and are open; the list ends with a null pointer, and is ours to free.
    unsafe {
        let list = sys::jack_port_get_all_connections(client.raw(), port.raw());
        let mut entry = list;
        while !entry.is_null() && !(*entry).is_null() {
            names.push(CStr::from_ptr(*entry).to_string_lossy().into_owned());
            entry = entry.add(1);
        }
        if !list.is_null() {
            sys::jack_free(list.cast_mut().cast());
        }
    }
    names
}

/// The name that metadata give a port.
pub(super) fn pretty_name(port: &Port<Unowned>) -> Option<String> {
    let (mut value, mut kind) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the port is open; the library fills in both texts, or a null pointer for the second one, or none at all, and
    // they are ours to free.
    unsafe {
        let subject = sys::jack_port_uuid(port.raw());
        let key = c"http://jackaudio.org/metadata/pretty-name";
        if sys::jack_get_property(subject, key.as_ptr(), &raw mut value, &raw mut kind) != 0 || value.is_null() {
            return None;
        }
        let name = CStr::from_ptr(value).to_string_lossy().into_owned();
        sys::jack_free(value.cast());
        if !kind.is_null() {
            sys::jack_free(kind.cast());
        }
        Some(name).filter(|name| !name.is_empty())
    }
}
