//! JSON-RPC 2.0: what a line asks of the bridge, and lines that answer.

use serde_json::{Value, json};

use crate::request::{Reply, Request};

/// A line that makes sense.
#[derive(Clone, PartialEq, Debug)]
pub struct Call {
    /// What the answer is to have; nobody waits for one if there is none.
    pub id: Option<Value>,
    /// What is asked for.
    pub request: Request,
}

/// Why a line is not obeyed: the code and the words of an error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    code: i32,
    message: String,
}

/// Everything that can be asked for.
const METHODS: [&str; 9] = ["status", "connect", "disconnect", "mute", "port", "record", "forget", "panic", "reload"];

/// Longest id, as it stands in the answer.
const LONGEST_ID: usize = 256;

const NO_JSON: i32 = -32_700;
const NO_REQUEST: i32 = -32_600;
const NO_METHOD: i32 = -32_601;
const WRONG_PARAMETERS: i32 = -32_602;
const REFUSED: i32 = -32_000;

impl Fault {
    fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The bridge has too much to do, or has ended.
    pub fn busy() -> Self {
        Self::new(REFUSED, "the bridge is too busy to answer")
    }

    /// The line is longer than any that makes sense.
    pub fn too_long(most: u64) -> Self {
        Self::new(NO_REQUEST, format!("a line has {most} octets at most"))
    }
}

/// Reads a line. A fault goes with the id that it is to be answered with, as far as that could be read.
pub fn read(line: &[u8]) -> Result<Call, (Value, Fault)> {
    let value: Value = serde_json::from_slice(line)
        .map_err(|error| (Value::Null, Fault::new(NO_JSON, format!("no JSON: {error}"))))?;
    let Value::Object(mut object) = value else {
        return Err((Value::Null, Fault::new(NO_REQUEST, "a line is one object")));
    };
    let id = object.remove("id");
    let is_id = |id: &Value| match id {
        Value::String(text) => text.len() <= LONGEST_ID,
        Value::Number(_) | Value::Null => true,
        _ => false,
    };
    if !id.as_ref().is_none_or(is_id) {
        return Err((Value::Null, Fault::new(NO_REQUEST, "id is a number, or a text that is not long")));
    }
    let fault = |code, message: String| (id.clone().unwrap_or_default(), Fault::new(code, message));
    if object.get("jsonrpc") != Some(&json!("2.0")) {
        return Err(fault(NO_REQUEST, "jsonrpc is \"2.0\"".to_owned()));
    }
    let Some(Value::String(method)) = object.remove("method") else {
        return Err(fault(NO_REQUEST, "method is a text".to_owned()));
    };
    if !METHODS.contains(&method.as_str()) {
        return Err(fault(NO_METHOD, format!("there is no such method; there are {}", METHODS.join(", "))));
    }
    let parameters = object.remove("params").filter(|parameters| *parameters != json!({}) && *parameters != json!([]));
    let request = match parameters {
        None => Value::String(method),
        Some(parameters) => json!({ method: parameters }),
    };
    match serde_json::from_value(request) {
        Ok(request) => Ok(Call { id, request }),
        Err(error) => Err(fault(WRONG_PARAMETERS, format!("params: {error}"))),
    }
}

/// The line that answers a call.
pub fn answer(id: &Value, reply: Reply) -> String {
    match reply {
        Reply::Status(status) => json!({"jsonrpc": "2.0", "id": id, "result": *status}).to_string(),
        Reply::Done => json!({"jsonrpc": "2.0", "id": id, "result": "done"}).to_string(),
        Reply::Named(name) => json!({"jsonrpc": "2.0", "id": id, "result": name}).to_string(),
        Reply::Read(words) => json!({"jsonrpc": "2.0", "id": id, "result": words}).to_string(),
        Reply::Refused(why) => refuse(id, &Fault::new(REFUSED, why)),
    }
}

/// The line that says why a call is not obeyed.
pub fn refuse(id: &Value, fault: &Fault) -> String {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": fault.code, "message": fault.message}}).to_string()
}

/// The line that asks for something.
pub fn ask(request: &Request) -> String {
    let (method, parameters) = match serde_json::to_value(request) {
        Ok(Value::Object(object)) => object.into_iter().next().unwrap_or_default(),
        Ok(Value::String(method)) => (method, json!({})),
        _ => Default::default(),
    };
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).to_string()
}

/// What an answer comes to: the result, or why there is none.
pub fn result(line: &[u8]) -> Result<Value, String> {
    let mut answer: Value = serde_json::from_slice(line).map_err(|error| format!("the answer is no JSON: {error}"))?;
    match &answer["error"]["message"] {
        Value::String(message) => Err(message.clone()),
        _ => Ok(answer.get_mut("result").map(Value::take).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passage::Passage;
    use crate::settings::PortSettings;
    use crate::status::Status;
    use proptest::prelude::*;

    fn fault(line: &str) -> (Value, i32) {
        let (id, fault) = read(line.as_bytes()).unwrap_err();
        (id, fault.code)
    }

    #[test]
    fn what_is_asked_is_read_as_it_was_meant() {
        let (from, to) = ("Piano".to_owned(), "Synth\" \u{1b}".to_owned());
        let passage = Passage { transpose: 12, channels: vec!["1=10".parse().unwrap()], ..Passage::default() };
        for request in [
            Request::Status,
            Request::Connect { from: from.clone(), to: to.clone(), filter: None },
            Request::Connect { from: from.clone(), to: to.clone(), filter: Some(passage) },
            Request::Record { from: from.clone(), to: None, path: Some("/x.mid".to_owned()), every_s: None },
            Request::Port { name: from.clone(), settings: PortSettings::none() },
            Request::Disconnect { from: from.clone(), to: to.clone() },
            Request::Mute { from: from.clone(), to, muted: true },
            Request::Forget { port: from },
            Request::Panic,
            Request::Reload,
        ] {
            let call = read(ask(&request).as_bytes()).unwrap();
            assert_eq!((call.id, call.request), (Some(json!(1)), request));
        }
        let silent = read(br#"{"jsonrpc":"2.0","method":"panic"}"#).unwrap();
        assert_eq!((silent.id, silent.request), (None, Request::Panic));
    }

    #[test]
    fn what_makes_no_sense_has_the_codes_of_json_rpc() {
        for (line, id, code) in [
            ("nonsense", Value::Null, NO_JSON),
            ("[]", Value::Null, NO_REQUEST),
            (r#"{"id":7,"method":"status"}"#, json!(7), NO_REQUEST),
            (r#"{"jsonrpc":"2.0","id":{},"method":"status"}"#, Value::Null, NO_REQUEST),
            (r#"{"jsonrpc":"2.0","id":"a","method":5}"#, json!("a"), NO_REQUEST),
            (r#"{"jsonrpc":"2.0","id":"a","method":"explode"}"#, json!("a"), NO_METHOD),
            (r#"{"jsonrpc":"2.0","id":1,"method":"connect","params":{"from":"x"}}"#, json!(1), WRONG_PARAMETERS),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"connect","params":{"from":"x","to":"y","filter":{"without":["x"]}}}"#,
                json!(1),
                WRONG_PARAMETERS,
            ),
            (r#"{"jsonrpc":"2.0","id":1,"method":"status","params":{"x":1}}"#, json!(1), WRONG_PARAMETERS),
        ] {
            assert_eq!(fault(line), (id, code), "{line}");
        }
    }

    #[test]
    fn answers_carry_the_id_and_the_result_or_the_reason() {
        let status = Status { name: "Studio".to_owned(), ..Status::default() };
        let line = answer(&json!("a"), Reply::Status(Box::new(status.clone())));
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["id"], "a");
        assert_eq!(serde_json::from_value::<Status>(result(line.as_bytes()).unwrap()).unwrap(), status);
        assert_eq!(result(answer(&json!(1), Reply::Done).as_bytes()), Ok(json!("done")));
        let read = answer(&json!(1), Reply::Read(vec!["name: other than before".to_owned()]));
        assert_eq!(result(read.as_bytes()), Ok(json!(["name: other than before"])));
        let refused = answer(&json!(1), Reply::Refused("there is no port x".to_owned()));
        assert_eq!(result(refused.as_bytes()), Err("there is no port x".to_owned()));
    }

    proptest! {
        #[test]
        fn no_line_is_too_strange(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&octets);
            let _ = result(&octets);
        }

        #[test]
        fn no_object_is_too_strange(method in "[a-z]{0,10}|status|mute", id in any::<i64>(), value in ".{0,20}") {
            let parameters = [json!({"from": value, "to": [], "muted": id}), json!([value]), json!(value), json!({})];
            for parameters in parameters {
                let line = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters}).to_string();
                match read(line.as_bytes()) {
                    Ok(call) => prop_assert_eq!(call.id, Some(json!(id))),
                    Err((known, _)) => prop_assert_eq!(known, json!(id)),
                }
            }
        }
    }
}
