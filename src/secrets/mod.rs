//! Finds and masks secrets: passwords and the like in commands, file names and typed lines.
//!
//! The wire log, diagnostics and the history use one list, in `words`. It has the secret arguments of QEMU's schema and of the
//! guest agent. Besides, an argument is a secret if its name suggests it. Members that end in `-secret` hold the id of a
//! `secret` object and are shown. Source: docs/qmp.md, "Secrets".

mod mask;
mod words;

pub use mask::{excerpt, is_secret_argument, line_has_secret, mask};
pub use words::{is_secret_command, is_secret_name};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        let check = |name: &str, expected: bool| assert_eq!(is_secret_name(name), expected, "{name}");
        check("password", true);
        check("Password", true);
        check("file.password", true);
        check("proxy-password", true);
        check("passphrase", true);
        check("cookie", true);
        check("secret", true);
        check("password-secret", false);
        check("file.cookie-secret", false);
        check("key-secret", false);
        check("passwordid", false);
        check("node-name", false);
        check("data", false);
    }

    #[test]
    fn typed_lines_with_a_secret() {
        for line in [
            "set_password protocol=vnc password=x",
            "  set_password protocol=vnc password=x",
            ".try set_password protocol=vnc password=x",
            "set_password protocol=vnc pass\\u0077ord=x",
            "change-vnc-password password==x",
            r#"{"execute":"set_password","arguments":{"protocol":"vnc","password":"x"}}"#,
            r#"{"execute":"set_password","arguments":{"protocol":"vnc","pass\u0077ord":"x"}} | jq ."#,
            "{'execute': 'set_password', 'arguments': {'password': 'x'}}",
            r#"{"execute":"set_password","arguments":{"password":"x"#,
            "object-add qom-type=secret id=s data=x",
            "object-add data:=\"x\" qom-type=secret id=s",
            "object-add qom-type=secret id=s props.data=x",
            "transaction(\nobject-add qom-type=secret id=s data=x\n)",
            "sev-inject-launch-secret packet-header=a secret=x",
            "x-thing \"secret\"=x",
            "x-thing options={'secret': 'x'}",
            "blockdev-add driver=https node-name=n url=https://h/f cookie=a=b",
            "blockdev-add driver=https node-name=n url=https://user:x@h/f",
            r"blockdev-add driver=https node-name=n url:=\u0022https:\/\/user:x@h/f",
            r#"blockdev-snapshot-sync device=d snapshot-file="json:{\"driver\":\"ssh\",\"password\":\"x\"}""#,
            "blockdev-add driver=raw file.filename=rbd:pool/image:id=admin:key=x:mon_host=h",
            "guest-set-user-password username=root password=x crypted=off",
            "guest-exec path=/bin/sh input-data=x",
            "guest-exec path=/bin/sh env=[\"PW=x\"]",
            "guest-exec path=/bin/sh env.0=PW=x",
            "guest-file-write handle=1 buf-b64=eA==",
            "send-key keys=[{\"type\":\"qcode\",\"data\":\"x\"}]",
            "input-send-event events=[]",
            "qom-set path=/objects/s property=data value=x",
            "human-monitor-command command-line=\"change vnc password x\"",
            ".hmp change vnc password x",
            ".hmp set_password vnc x",
            ".hmp sendkey x",
            ".hmp object_add secret,id=s,data=x",
            ".hmp drive_add 0 file=https://user:x@h/f",
            "device_add driver=x PassWord=x",
            ".oob x-login passphrase=x",
        ] {
            assert!(line_has_secret(line), "{line}");
        }
    }

    #[test]
    fn typed_lines_without_one() {
        for line in [
            "",
            "query-status",
            "query-block | jq '.[].device' | sort",
            "device_add driver=virtio-net-pci id=0123 netdev=net0",
            r#"{"execute": "query-status"}"#,
            r#"{"execute":"object-add","arguments":{"qom-type":"iothread","id":"i"}}"#,
            "object-add qom-type=secret id=secret0 file=/etc/key",
            "blockdev-add driver=https node-name=n url=https://h/f@1 password-secret=secret0",
            "blockdev-add driver=luks node-name=n file=f key-secret=s",
            "expire_password protocol=vnc time=now",
            "guest-exec path=/bin/ls capture-output=on",
            "qom-set path=/machine property=graphics value=on",
            ".hmp info status",
            ".help set_password",
            ".commands *password*",
            "migrate uri=tcp:host:4444",
            "human-monitor-command command-line=\"info block\"",
            r#"{"execute":"human-monitor-command","arguments":{"command-line":"info block"}}"#,
        ] {
            assert!(!line_has_secret(line), "{line}");
        }
    }

    #[test]
    fn excerpts_are_masked_before_they_are_cut() {
        let check = |message: &str, max, expected: &str| {
            assert_eq!(excerpt(message.as_bytes(), max), expected);
        };
        check(r#"{"return": {}}"#, 40, r#"{"return": {}}"#);
        check(r#"{"return": {}, "id": 1}"#, 10, r#"{"return"…"#);
        check(r#"{"password":"hunter2"}"#, 40, r#"{"password":"***"}"#);
        let long = format!(r#"{{"password":"{}","a":1}}"#, "x".repeat(10_000));
        check(&long, 40, r#"{"password":"***"…"#);
    }
}
