//! The messages of QMP as they stand on the wire: greeting, command, reply, event.

/// A command ready to be sent: one compact JSON object without an `id`.
///
/// The client adds the `id` when it knows which is free. Source: QEMU's `qmp-spec.rst`.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `{"execute":"NAME"}` or `{"execute":"NAME","arguments":{…}}`, or with `exec-oob`; compact, without `id`.
    pub text: String,
    /// The command's name, decoded.
    pub command: String,
    /// Whether it is to run out-of-band (`exec-oob`).
    pub out_of_band: bool,
    /// The `id` that the user's own JSON line carried, as compact JSON text; put back in `raw` output.
    pub own_id: Option<String>,
}
