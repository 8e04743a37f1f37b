//! Lines with a secret in them: a grammar of the places that can hold one and of their spellings.
//!
//! Case N is the same line each time. Unit tests of the program include this file, too.

/// Parts of each secret. Other characters stand around them.
pub const PARTS: [&str; 2] = ["hunTer", "swOrd"];

/// How many lines a quick test takes.
#[allow(dead_code)] // Only the unit tests count.
pub const CASES: u64 = 6000;

/// Lines that once showed a secret, kept here; `SECRET` stands for it.
pub const CORPUS: &[&str] = &[
    "object-add qom-type=secret id=s data=correct SECRET",
    "x password=[SECRET",
    "x password:=[1,SECRET]",
    r#"{"execute":"x","arguments":{"a":1,"password":SECRET}}"#,
    ".wach 1 set_password password=SECRET",
    "query-name | mysql --password=SECRET",
    "blockdev-add driver=https node-name=n url=https://u:it'sSECRET@h/f",
    "blockdev-add driver=https node-name=n url=https://h/f,https://u:SECRET@h/f",
    "set_password(vnc, SECRET)",
    "x a=b # password=SECRET",
    "device_add virtio-blk-pci,password=SECRET",
    ".hmp drive_add 0 file=rbd:pool/image:key=SECRET",
    "object-add qom-type=\"secret data=SECRET",
    r#"[{"execute":"x","arguments":{"password":"SECRET"}}]"#,
    "query-name | curl https://u:SECRET@h | false",
];

/// Commands with their other arguments, and the argument that is a secret.
const PLACES: &[(&str, &str)] = &[
    ("set_password protocol=vnc", "password"),
    ("change-vnc-password", "password"),
    ("object-add qom-type=secret id=s0", "data"),
    ("sev-inject-launch-secret packet-header=a", "secret"),
    ("blockdev-add driver=https node-name=n url=https://h/f", "cookie"),
    ("blockdev-add driver=raw node-name=n file.driver=https", "file.proxy-password"),
    ("x-login user.0.name=a", "user.0.passphrase"),
    ("device_add driver=d", "x-PassWord"),
    ("guest-set-user-password username=u crypted=off", "password"),
    ("guest-exec path=/bin/x", "input-data"),
    ("guest-exec path=/bin/x", "env.0"),
    ("guest-exec path=/bin/x arg.0=-u", "arg.1"),
    ("guest-file-write handle=1", "buf-b64"),
    ("qom-set path=/objects/s property=data", "value"),
    ("qom-set path=/machine property=x-password", "value"),
];

/// Lines of the human monitor.
const HUMAN: &[&str] = &[
    "set_password vnc SECRET",
    "change vnc password SECRET",
    "object_add secret,id=s1,data=SECRET",
    "drive_add 0 file=https://u:SECRET@h/f",
    "drive_add 0 file=rbd:p/i:key=SECRET",
    "qom-set /objects/s data SECRET",
    "block_passwd d SECRET",
];

/// Lines that type on the guest's keyboard.
const TYPED: &[&str] = &[
    ".type SECRET",
    ".type  -- SECRET",
    ".type delay=5 layout=de SECRET",
    ".type \"SECRET\\n\"",
    ".try .type SECRET",
    ".watch 1 count=1 .type x SECRET",
    ".type delay=x SECRET | cat",
];

const PREFIXES: &[&str] = &[
    "",
    "",
    "",
    "",
    ".try ",
    ".oob ",
    ".watch 0.01 count=1 ",
    ".fd /dev/null ",
    ".try .oob ",
    ".wach 1 ",
    "(qemu) ",
    "$ ",
    "transaction(\n",
];

const SUFFIXES: &[&str] = &[
    "",
    "",
    "",
    "",
    " x",
    " > /dev/null",
    " # and on",
    "; query-status",
    " && cont",
    " | cat >/dev/null",
    " | false",
    " y=[1",
    "}",
    "\"",
];

/// The numbers of one case (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// Returns line `n`.
pub fn line(n: u64) -> String {
    let mut random = Random(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    (0..4).for_each(|_| _ = random.below(2));
    let odd =
        ["", "", "-", "1", "é", "'", "\"", " ", ",", "[", "{", "}", "=", "\\", "@", "|", "#", ":", "`", "%", ";", "&"];
    let [a, b, c] = [random.one(&odd), random.one(&odd), random.one(&odd)];
    let secret = format!("{a}{}{b}{}{c}", PARTS[0], PARTS[1]);
    // With an at sign it is a file name; two words may be two arguments.
    let secret = secret.strip_prefix('@').map(str::to_owned).unwrap_or(secret);
    let secret = if secret.contains(' ') { secret.replace('=', "-") } else { secret };
    let fill = |text: &str| text.replace("SECRET", &secret);
    match random.below(20) {
        0 => return random.one(CORPUS).replace("SECRET", &secret.replace('=', "-")),
        // A comma in an option list begins another option, which the monitor quotes.
        1 | 2 => return format!(".hmp {}", random.one(HUMAN).replace("SECRET", &secret.replace(',', "-"))),
        3 => return random.one(HUMAN).replace("SECRET", &secret.replace(',', "-")),
        4 => return fill(".guest-exec timeout=1 /bin/mysql -u SECRET"),
        6 => return fill(random.one(TYPED)),
        5 => return fill("query-name | mysql -u u --password=SECRET"),
        _ => {}
    }
    let (command, mut key) = PLACES[random.below(PLACES.len())];
    let mut value = secret.clone();
    if random.below(6) == 0 {
        key = "filename";
        value = match random.below(3) {
            0 => format!("https://u:{secret}@h/f"),
            1 => format!(r#"json:{{"driver":"https","password":{}}}"#, json(&secret)),
            _ => format!("rbd:pool/image:id=a:key={secret}"),
        };
    }
    let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
    let text = match random.below(8) {
        0 => return torn(&message(name, rest, key, &json(&value), &mut random), &mut random),
        1 => format!("{command} {key}={}", json(&value)),
        2 => format!("{command} {key}='{value}'"),
        3 => format!("{command} {key}=={value}"),
        4 => format!("{command} {key}:={}", json(&value)),
        5 => match key.rsplit_once('.') {
            Some((list, "0" | "1")) => format!("{command} {list}=[{}]", json(&value)),
            Some((object, member)) => format!("{command} {object}={{{}:{}}}", json(member), json(&value)),
            None => format!("{name} {key}={value} {rest}"),
        },
        _ => format!("{command} {key}={value}"),
    };
    let text = format!("{}{text}{}", random.one(PREFIXES), random.one(SUFFIXES));
    if text.starts_with("transaction") { text + "\n)" } else { text }
}

/// Makes the same message as JSON, in Python's or JSON's spelling, its members in either order.
fn message(name: &str, rest: &str, key: &str, value: &str, random: &mut Random) -> String {
    let pairs = rest.split_whitespace().filter_map(|pair| pair.split_once('='));
    let mut members: Vec<String> = pairs.map(|(key, value)| format!("{}: {}", json(key), json(value))).collect();
    let own = key.rsplit('.').find(|part| part.parse::<u8>().is_err()).unwrap_or(key);
    let value = if key.ends_with(['0', '1']) { format!("[{value}]") } else { value.to_owned() };
    let own = if random.below(4) == 0 { json(own).replacen('s', "\\u0073", 1) } else { json(own) };
    members.insert(random.below(members.len() + 1), format!("{own}: {value}"));
    let arguments = format!("\"arguments\": {{{}}}", members.join(", "));
    let execute = format!("\"{}\": {}", random.one(&["execute", "exec-oob"]), json(name));
    let line = if random.below(2) == 0 {
        format!("{{{execute}, {arguments}}}")
    } else {
        format!("{{{arguments}, {execute}}}")
    };
    if random.below(4) == 0 && !line.contains(['\'', '\\']) { line.replace('"', "'") } else { line }
}

/// Leaves out or adds a sign, or puts something before or behind.
fn torn(text: &str, random: &mut Random) -> String {
    match random.below(8) {
        0 => text[..text.len() - 1].to_owned(),
        1 => text[..text.len() - 2].to_owned(),
        2 => format!("{text},"),
        3 => text.replacen(',', "", 1),
        4 => format!("{text} | cat >/dev/null"),
        5 => format!("[{text}]"),
        6 => format!(".try {text} x"),
        _ => text.to_owned(),
    }
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}
