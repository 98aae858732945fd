//! What can be wrong with a rule file, and where.

use std::fmt;

/// Why a rule cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// The line, counted from 1; 0 for a rule that has been made by a program.
    pub line: usize,
    /// The character in the line, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// There is no arrow, or no blank beside it.
    NoArrow,
    /// Something that looks like an arrow and is none.
    Arrow(String),
    /// An arrow without a port on this side.
    NoPort,
    /// A quotation mark that is never closed.
    OpenQuote(char),
    /// A regular expression without the slash at its end.
    OpenRegex,
    /// Something stands behind a name that has ended.
    Behind(String),
    /// Nothing stands between the quotation marks or slashes, or beside the colon.
    Empty,
    /// More than one colon.
    Colon,
    /// A word with a dot that is no property.
    Property(String),
    /// A port number that is none.
    Number(String),
    /// The number of a client, which changes.
    ClientNumber,
    /// A star beside other characters, where only one that stands alone means all.
    Star,
    /// A regular expression that cannot be read.
    Regex(String),
    /// A placeholder for which the source has no group of that name.
    Group(String),
    /// A placeholder where ports are looked for that give the name.
    Placeholder(String),
    /// `@` on a side that is no source.
    TapSide,
    /// `@` in a rule that does anything but connect.
    TapAction,
    /// A pattern without the second one of its pair.
    Partner,
    /// A placeholder with more than a name in it.
    Format(String),
}

impl Error {
    pub(crate) const fn new(line: usize, column: usize, fault: Fault) -> Self {
        Self { line, column, fault }
    }
}

impl Fault {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NoArrow | Self::Arrow(_) => {
                "write A --> B, A <-- B or A <-> B with blanks around the arrow; -x-> forbids, -/-> disconnects, \
                 -?-> connects what is free"
            }
            Self::NoPort => "* stands for all ports",
            Self::OpenQuote(_) => "close it, or leave it out: then any part of the name is enough",
            Self::OpenRegex => "end it with a slash, and write \\/ for a slash inside",
            Self::Behind(_) => "put it inside, or a colon before the name of the port",
            Self::Empty => "* stands for any name",
            Self::Colon => "put a name with a colon in quotation marks",
            Self::Property(_) => {
                "there are .hw .app .alsa .jack .net .midi .audio; put a name that begins with a dot in quotation marks"
            }
            Self::Number(_) => "write client:=1; put a name that begins with = in quotation marks",
            Self::ClientNumber => "write the client's name, and name:=1 for its port 1",
            Self::Star => "use a rule file of rtpmidi for patterns",
            Self::Regex(_) => "a backslash takes the meaning from . ( ) [ ] { } * + ? ^ $ |",
            Self::Group(_) => "write (?P<name>...) into the source; {{ and }} mean braces",
            Self::Placeholder(_) => "placeholders stand where the arrow points; {{ and }} mean braces",
            Self::TapSide => "@ stands before the port where the arrow begins, and goes with one direction",
            Self::TapAction => "@ goes with -->, <-- and nothing else",
            Self::Partner => "write the pattern of the input ports on the next line, or take this one out",
            Self::Format(_) => "write {name}; {{ and }} mean braces",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoArrow => f.write_str("no arrow between two ports"),
            Self::Arrow(found) => write!(f, "no such arrow: {found}"),
            Self::NoPort => f.write_str("no port beside the arrow"),
            Self::OpenQuote(quote) => write!(f, "the quotation mark {quote} is not closed"),
            Self::OpenRegex => f.write_str("the regular expression does not end"),
            Self::Behind(found) => write!(f, "nothing may stand behind the name, but there is: {found}"),
            Self::Empty => f.write_str("the name is empty"),
            Self::Colon => f.write_str("more than one colon"),
            Self::Property(found) => write!(f, "no such property: {found}"),
            Self::Number(found) => write!(f, "no port number: {found}"),
            Self::ClientNumber => f.write_str("numbers of clients change from day to day"),
            Self::Star => f.write_str("a star must stand alone"),
            Self::Regex(reason) => write!(f, "regular expression: {reason}"),
            Self::Group(name) => write!(f, "no group is named {name}"),
            Self::Placeholder(name) => write!(f, "{{{name}}} stands on the side that gives the names"),
            Self::TapSide => f.write_str("@ stands on the side that is fed"),
            Self::TapAction => f.write_str("@ in a rule that does not connect"),
            Self::Partner => f.write_str("a pattern without its partner"),
            Self::Format(found) => write!(f, "no name of a group: {{{found}}}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        }
        self.fault.fmt(f)
    }
}

impl std::error::Error for Error {}
