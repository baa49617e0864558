# punchgate 对运维人员说的所有话（简体中文）。与 en.ftl 的编号和变量一一对应。

## 配置：错误

config-at = { $place }: { $what }
config-unreadable = 无法读取 { $path }：{ $why }
config-too-long = { $path } 超过 { $limit }，不像是配置文件
config-not-utf8 = { $path } 从第 { $offset } 字节起不是 UTF-8，请另存为 UTF-8
config-syntax = 不是有效的 TOML：{ $why }
config-huge-number = 数字 { $got } 过大
config-clash = { $key } 在此处是 { $got }，但在 { $other } 处是 { $there }
config-unknown-key = { $section ->
        [none] {""}
       *[other] [{ $section }] 中
    }未知的键 `{ $key }`{ $nearest ->
        [none] {""}
       *[other] ，是否想写 `{ $nearest }`？
    } 可用的键：{ $known }
config-wrong-type = `{ $key }` 需要{ $wanted }，但这里是 { $got }
config-bad-value = `{ $key }` 需要{ $wanted }，实际是 "{ $got }"
config-bare-duration = `{ $key }` 缺少单位：请写 "{ $got }s"、"{ $got }m" 或 "{ $got }h"（单位：ms s m h d）
config-bare-size = `{ $key }` 缺少单位：请写 "{ $got }MiB" 或 "{ $got }GiB"（单位：B kB KiB MB MiB GB GiB TiB）
config-out-of-range = `{ $key }` 是 { $got }，应在 { $min } 到 { $max } 之间
config-missing = [{ $section }] 中缺少 `{ $key }`
config-unknown-word = `{ $key }` 不认识 "{ $got }"{ $nearest ->
        [none] {""}
       *[other] ，是否想写 "{ $nearest }"？
    } 可用的值：{ $known }
config-unknown-zone = `{ $key }`：没有时区 "{ $got }"{ $nearest ->
        [none] {""}
       *[other] ，是否想写 "{ $nearest }"？
    }（IANA 名称，例如 "Asia/Shanghai"）
config-needs-timezone = 设备 "{ $device }" 自带时钟，必须写明 `timezone`（其时钟所示的时区），例如 timezone = "Asia/Shanghai"（驱动 { $driver }）
config-unknown-driver = 设备 "{ $device }"：未知的驱动 "{ $got }"{ $nearest ->
        [none] {""}
       *[other] ，是否想写 "{ $nearest }"？
    } 可用的驱动：{ $known }
config-duplicate = { $what } "{ $name }" 重复，另一处在 { $other }；请改名或删除其一
config-wrong-link = 设备 "{ $device }"：`{ $key }` 不适用于 { $link } 连接（驱动 { $driver }），请删除
config-missing-link = 设备 "{ $device }" 需要 `{ $key }`（驱动 { $driver }）：{ $key ->
        [port] 串口，最好用固定名称：port = "/dev/serial/by-id/…"
       *[other] 设备地址：address = "192.168.1.201:4370"
    }
config-window-too-long = 策略 "{ $policy }"：`window`（{ $window }）长于 `unrelated_after`（{ $unrelated }）；后者至少要与前者相等
config-clock-received = 设备 "{ $device }" 自带时钟（驱动 { $driver }），clock = "received" 会把其存储的记录记错时间；请用 "correct" 或 "trust"
config-inline-secret = `{ $key }` 不得写在配置里；请存入只有所有者可读的文件，并写 { $key } = {"{"} file = "/etc/punchgate/secrets/NAME" {"}"}，或写 { $key } = {"{"} credential = "NAME" {"}"} 并在 systemd 单元中使用 LoadCredential=
config-secret-unreadable = `{ $key }`：无法读取 { $path }：{ $why }
config-secret-exposed = `{ $key }`：其他用户可以读取或修改 { $path }（权限 { $mode }）；请执行：chmod 600 { $path }
config-secret-empty = `{ $key }`：{ $path } 是空的
config-no-credentials = `{ $key }`：凭据 "{ $name }" 只能在 systemd 下读取；请在单元中加 LoadCredential={ $name }:/path，或改用 {"{"} file = "…" {"}"}
config-option = 设备 "{ $device }"：{ $why }
config-url-password = 上游 "{ $upstream }"：url 中不得包含用户名或密码；请使用 `secret`

## 键需要的值

wanted-text = 带引号的文本
wanted-flag = true 或 false
wanted-number = 整数
wanted-list = 方括号列表
wanted-table = 表
wanted-duration = 带单位的时长，例如 "15m"、"5s"、"4h" 或 "35d"
wanted-size = 带单位的大小，例如 "64MiB" 或 "2GiB"
wanted-date = 日期，例如 2018-01-01
wanted-instant = 带时区偏移的时刻，如 "2026-03-02T00:00:00+08:00"
wanted-address = 主机和端口，例如 "192.168.1.201:4370"
wanted-listen = 监听地址和端口，例如 "127.0.0.1:8081" 或 "[::]:8081"
wanted-url = 以 http:// 或 https:// 开头的地址
wanted-path = 带引号的路径
wanted-secret = {"{"} file = "/path" {"}"} 或 {"{"} credential = "NAME" {"}"}
wanted-name = 由 1 到 64 个小写字母、数字、- _ . 组成的名称
wanted-store-size = 至少 1MiB
wanted-schedule = 大于零且不超过 "1d" 的时长

## 配置：警告

warning-unknown-source = 策略 "{ $policy }"：`{ $selector }` 指定了来源 "{ $source }"，但没有同名设备
warning-unknown-zone = 策略 "{ $policy }"：`{ $selector }` 指定了区域 "{ $zone }"，但没有设备属于它
warning-overlap = 策略 "{ $policy }"：同一次打卡可能同时符合 `first` 和 `second`，此时算作 `first`
warning-no-devices = 没有配置任何设备，不会有打卡
warning-no-upstreams = 没有配置任何上游，打卡只保存在本机
warning-nobody-known = unknown = "hold" 但未配置名录文件：不自报人员的设备的打卡将永不转发；请添加 [directory] files 或设 unknown = "quarantine"
warning-exposed = { $listener } 监听（{ $listen }）可被其他机器访问，且没有加密
warning-cleartext = 上游 "{ $upstream }"：打卡数据将不加密地发往 { $url }

## check

check-good = { $file } 可以使用
check-bad = { $file } 不能使用，问题数：{ $count }
check-gateway = 网关
check-devices = 设备
check-listeners = 监听
check-upstreams = 上游
check-policies = 策略
check-warnings = 警告
check-none = 无
check-unzoned = 无区域
check-no-clock = 无时钟
check-unused = 不打开：没有设备使用 HTTP
check-policy-line = { $name }：先 { $first }，后 { $second }，间隔不超过 { $window }
check-policy-line-any = { $name }：{ $first } 与 { $second }，次序不限，间隔不超过 { $window }
check-anything = 任何打卡
check-upstream-line = { $name }：{ $driver } { $url }（{ $send }；每批最多 { $max } 条，最长等待 { $every }）

## replay

replay-bad-line = { $file }:{ $line }: { $why }
directory-line = { $file }: { $why }

## 命令行

cli-about = 连接考勤、门禁设备与上层系统的网关
cli-run = 运行网关
cli-check = 读取配置并打印计划，不接触任何设备
cli-config = 查看配置
cli-config-print = 打印生效的配置；密钥只显示其位置
cli-arg-config = 配置文件；同目录 conf.d/*.toml 也会读取
cli-arg-lang = 消息语言：en 或 zh-CN
cli-arg-json = 以 JSON 输出
cli-examples = 示例：
cli-help = 显示帮助
cli-version = 显示版本
cli-io = 读写失败：{ $why }
cli-replay = 用规则离线评判文件中的打卡，以 JSON 行输出记录和结论
cli-arg-until = 数据完整到何时，例如 2026-03-02T12:00:00Z；不写表示全部完整
cli-arg-punches = JSON 行文件，每行一次打卡；- 表示标准输入
cli-status = 查询正在运行的网关的状态
cli-decode = 解读捕获的通信：消息、读数和未能识别的部分，以 JSON 行输出
cli-sim = 在真实端口上运行模拟设备，直到被停止
cli-device-time = 显示各设备时钟与网关时钟之差；加 --set 则校准
cli-arg-name = 一台设备；省略时为所有有时钟的设备
cli-arg-set = 把时钟设为网关的时间；不加则不作任何改动
cli-store = 查看日志存储
cli-store-verify = 检查日志的每条记录；网关可以同时运行
cli-store-rebuild = 在没有网关运行时根据日志重建缓冲
cli-arg-after = 从此编号的记录之后开始
cli-store-export = 以 JSON 行打印日志的每个条目
cli-arg-driver = 该协议所属的驱动
cli-arg-device_timezone = 设备所在时区；给出后同时输出时刻
cli-arg-option = 驱动选项，格式 KEY=VALUE；可重复
cli-arg-capture = 捕获文件（> 设备到网关，< 网关到设备）、十六进制行或原始 HTTP 请求；- 表示标准输入
cli-arg-device = 要模拟的设备所属驱动
cli-arg-listen = 监听地址；对于主动呼叫的设备，是被呼叫的地址
cli-arg-pty = 以此名称的伪终端进行模拟
cli-arg-script = JSON 行格式的打卡：after、credential、factor、direction
cli-arg-held = 设备开始时已保存的打卡数
cli-arg-knob = 模拟器的可调项，格式 KEY=VALUE；可重复

## 运行

run-failed = 网关无法启动：{ $why }
run-refused = 网关不启动：{ $why }
store-folder-symlink = 状态目录 { $path } 是指向 { $target } 的符号链接；请把 [store] path 设为目录本身
store-folder-no-directory = { $path } 不是目录；请移走它，或把 [store] path 设到别处
store-folder-owner = 状态目录 { $path } 属于用户 { $owner }，而本程序以 { $ours } 运行；请以该用户运行，或更改目录的所有者
store-folder-writable = 其他用户可以写入状态目录 { $path }（权限 { $mode }）；请先查看其中内容，再 chmod 700
store-folder-io = 状态目录 { $path } 无法使用：{ $why }
store-locked = { $path } 被另一个进程锁定：另一个 punchgate 正在使用此状态目录；请停止它，或为本程序设置自己的 [store] path
store-network = { $path } 位于网络文件系统 { $kind } 上，那里的锁和同步不可信；请使用本地磁盘
store-newer = { $segment } 的格式为 { $found }，本程序最多读取 { $known }：它由更新的 punchgate 写成；请重新运行那个版本。未作任何更改
store-gap = 日志丢失 { $records } 条记录：{ $first } 至 { $last }，位于 { $segment } 的字节 { $from_byte } 至 { $to_byte }，存储于 { $since } 与 { $until } 之间；自带记录的终端会重新读取，其他来源的已经丢失
store-gap-open = 日志从第 { $first } 条记录起无法读取，位于 { $segment } 的字节 { $from_byte } 至 { $to_byte }，存储于 { $since } 之后；丢失多少条无法得知；自带记录的终端会重新读取
store-copied = 日志是复制到这里的（从备份恢复，或克隆）：复制之后存储的内容不在其中；纪元 { $epoch } 开始。自带记录的终端会重新读取；其余请向来源索取
store-files-gone = 网关运行期间日志文件被删除：{ $names }；请查明谁在清理状态目录，待上游全部收到后重启网关
store-ballast-released = 磁盘已满：已释放压舱文件，用于别处没有副本的记录；请腾出空间
store-max-size = 日志已有 { $bytes } 字节，上限为 { $limit }（[store] max_size），而其中内容尚未全部送达
status-rebuilding = 正在重建缓冲：{ $decided } / { $to } 条记录
no-such-driver = 没有驱动“{ $driver }”；已知驱动：{ $known }
no-such-zone = 没有这个时区：{ $why }（IANA 名称，例如 Asia/Shanghai）
bad-option = 选项无法理解：{ $why }
bad-script = 脚本无法理解：{ $why }
status-unreachable = { $address } 上没有网关应答：{ $why }；它在运行吗？[admin] listen 是否正确？
status-ready = 就绪
status-not-ready = 未就绪
status-journal = 日志：{ $tail } 条记录，已处理 { $decided } 条
status-quarantined = { $count } 条打卡的凭证无人持有；{ $held ->
        [yes] 等待名录收录后转发
       *[no] 已不带人员转发
    }
fault-unreachable = 无法连接 { $peer }：{ $why }
fault-silent = { $peer } 有 { $waited } 毫秒没有应答
fault-gone = 连接已断开：{ $why }
fault-ended = 对方结束了会话
fault-confused = 看不懂设备的应答：{ $why }
fault-refused = 设备拒绝了请求（{ $what }）：{ $why }
fault-not-stored = 无法存储读数：{ $why }
not-stored-full = 磁盘已满
not-stored-failed = 磁盘故障：{ $why }
not-stored-stopping = 网关正在停止
not-stored-busy = 网关繁忙
fault-wrong-comm-key = 通信密码不被接受（{ $what }）；请把 { $unit } 的 comm_key 设为考勤机菜单中的“通信密码”（通讯设置 > PC 连接），然后重新加载
fault-serial-permission = 无权打开串口（{ $what }）；请为 { $unit } 把网关的用户加入该串口所属的组，通常是：usermod -aG dialout punchgate
fault-not-a-serial-port = 这不是串口（{ $what }）；请把 { $unit } 的 port 设为 /dev/serial/by-id 下的路径
fault-serial-settings = 串口参数不可用（{ $what }）；请检查 { $unit } 的 baud、data_bits、parity 和 stop_bits
fault-needs-person = 需要人工处理：{ $what }；{ $mend }
reload-needs-start = [{ $section }] 有改动，重启后才生效：systemctl restart punchgate
reload-cannot = 无法：{ $why }
reload-not-stored = 日志存储无法记下：{ $why }
status-reload-refused = { $at } 重新读取的配置未被采用，上一份正确的配置继续有效：
status-opening = 打开日志存储时：
opening-cut = 从 { $segment } 末尾（第 { $after } 条之后）截去了 { $bytes } 字节的未完成内容；除非磁盘损坏，其中没有已确认的记录
opening-header = { $segment } 的文件头有损坏；没有数据丢失
opening-link = 第 { $seq } 条与前一条不衔接：日志存储被人改动过
opening-set-aside = { $name } 未被使用，已改名为 { $renamed }：{ $why ->
        [empty] 文件为空
        [foreign] 属于另一个日志存储
        [misnamed] 首条记录与文件名不符
       *[other] 内容无法读取
    }
opening-suspect = 日志存储的末尾未能清理；下次追加将另起新文件
opening-unscanned = 启动时有 { $count } 个较旧的文件未读取；punchgate store verify 会全部检查
opening-rebuild = 正在根据日志存储的 { $records } 条记录重建缓冲{ $why ->
        [none] {""}
       *[other] ：{ $why }
    }
opening-memory = 缓冲只保存在内存中：{ $why }
status-failing = 无法存储：{ $why }
status-own-clock-unset = 网关自身的时钟不可能正确；在校准之前（timedatectl、NTP），打卡时间以设备为准
status-own-clock-doubted = 网关自身的时钟跳变了 { $by } 秒，而设备的时钟没有变；在两者一致之前（timedatectl、NTP），时间按原来的走
status-complete = 数据完整至 { $through }
status-missing = 设备称有 { $records } 条记录，这里有 { $held } 条；缺少的 { $missing } 条会再次读取
device-time-line = { $name }：与网关相差 { $offset } 秒 ± { $uncertainty } 秒，测于 { $measured }，时区 { $zone }
device-time-unmeasured = { $name }：尚未测量，时区 { $zone }
device-time-no-clock = { $name }：没有可读取或设置的时钟
device-time-dry = 未作任何设置；加 --set 可把时钟设为网关的时间
device-time-set = 已设置：{ $told }
device-time-unknown = 没有名为“{ $name }”的设备；已知：{ $known }
device-time-not-connected = 未设置：与 { $name } 没有连接；原因见 punchgate status
device-time-silent = 未设置：{ $name } 没有及时应答
device-time-failed = 未设置：{ $name }：{ $why }
status-device = { $name }（{ $driver }）：{ $state }，已存 { $stored } 条，设备持有 { $log } 条，完整至 { $through }
status-upstream = { $name }：{ $state }，已发送 { $sent }，等待 { $backlog }，死信 { $dead }
state-talking = 通信中
state-waiting = 等待重试
state-parked = 已停用，待人工处理
state-stopped = 已停止
state-listening = 监听中
status-up = 正常
status-down = 中断
store-good = { $segments } 个段共 { $records } 条记录，全部完好
store-damaged = { $segments } 个段共 { $records } 条记录可读，但有损坏：
store-in-use = { $path } 正被运行中的网关使用，需要时它会自行重建缓冲；请先停止它（systemctl stop punchgate），再重试
store-rebuilt = 已在 { $seconds } 秒内根据 { $records } 条记录重建缓冲：{ $verdicts } 个判定，摘要 { $digest }
store-rebuilt-otherwise = 先前的缓冲内容不同；现在的缓冲由日志得出
store-start-lost = 编号低于 { $first } 的记录不在，也未曾到期移除：有人删除了它们
store-export-gap = 第 { $first } 至 { $last } 条记录丢失，位于 { $segment } 的字节 { $from_byte } 至 { $to_byte }
cli-demo = 用说真实协议的模拟设备演示一次打卡的全过程
cli-arg-fast = 约 20 秒，而不是一分钟

## 演示

demo-opening = 搭建一个现场：一台中控终端、一台文本考勤钟、一个应用、一个接收端，网关在它们之间
demo-terminal-at = 终端 gate-1 位于 tcp { $address }，日志中有 { $count } 条打卡
demo-clock-at = 文本考勤钟 press-shop-clock 位于串口 { $path }
demo-sink-at = webhook 接收端位于 http { $address }
demo-gateway-at = 网关运行中，管理接口 http { $address }，文件位于 { $folder }
demo-many = 一次收到 { $count } 条打卡（来自日志或离线之后）
demo-verified = 先在应用中 GPS 打卡，15 分钟内在门口按指纹：已验证
demo-late = 相隔超过 15 分钟：迟到
demo-missing = 有指纹无 GPS，有 GPS 无指纹：缺失
demo-revised = 缺失的 GPS 打卡迟到：结论被修订
demo-wrong-order = 先指纹后 GPS：在确定不会再有更早的 GPS 打卡后，判为顺序错误
demo-repeats = 同一手指按两次：合并为一条记录。无人认识的工卡进入隔离区
demo-terminal-killed = 终端断电，人们继续打卡；恢复后读取其日志
demo-sink-killed = 接收端被杀死后恢复；期间没有丢失
demo-gateway-killed = 网关在工作中被强行杀死（SIGKILL）后恢复
demo-learnt = 名录收录了这张工卡：其打卡离开隔离区
demo-closing = 每台设备得到确认的打卡，与接收端持有的对比
demo-punch = { $at }Z 打卡  { $who } { $factor }，来自 { $source }
demo-merged = { $at }Z 记录  { $who }：{ $count } 次打卡合并为一条记录
demo-verdict =           结论  { $who }：{ $outcome }，间隔 { $gap }（{ $state }，第 { $revision } 版）
demo-row = { $mark } { $device } 产生 { $issued }，已确认 { $acknowledged }，接收端持有 { $held }，缺失 { $missing }，重复 { $twice }
demo-equal = 相等，无缺失，无重复
demo-unequal = 不相等：这是 punchgate 的缺陷，请报告
outcome-verified = 已验证
outcome-late = 迟到
outcome-wrong-order = 顺序错误
outcome-missing-first = 缺少第一因素
outcome-missing-second = 缺少第二因素
outcome-pending = 待定
verdict-withdrawn = 已撤回
verdict-final = 最终
verdict-provisional = 暂定

## 人员、隔离、解释

cli-directory = 检查人员文件、导入文件、导出生效的名录
cli-directory-lint = 检查人员文件：每一行无法使用的内容，以及可能的笔误
cli-directory-import = 显示一个人员文件会改变什么；加 --yes 则写入，并让网关读取
cli-directory-export = 以 CSV 打印日志中生效的名录
cli-directory-resolve = 说明某设备上的号码属于谁
cli-quarantine = 处理无人认领的凭证
cli-quarantine-list = 列出无人认领的凭证（已遮盖）及其打卡
cli-quarantine-replay = 让网关重新读取名录，等待处理完成，并报告剩余数量
cli-device = 处理设备
cli-device-reinterpret = 说明设备时钟显示的时区与配置不同；其打卡将重新定时
cli-verify = 查看判定
cli-verify-explain = 用文字和数字说明一次打卡、记录或判定的原因
cli-arg-people = 文件；省略时为配置中的文件
cli-arg-encoding = 文件编码：utf-8 或 gbk
cli-arg-people_file = 要导入的文件
cli-arg-into = 被替换的已配置文件；有多个文件时必须给出
cli-arg-yes = 直接执行，不再询问
cli-arg-on_device = 设备
cli-arg-kind = enrol 或 card
cli-arg-number = 号码，包括前导零
cli-arg-numbers = 打印完整号码；从日志读取
cli-arg-zone = 设备时钟实际显示的 IANA 时区
cli-arg-from = 从设备时钟的这一时刻起，例如 2026-03-01T00:00:00+08:00
cli-arg-to = 到这一时刻为止（不含）；省略则无终点
cli-arg-about = 打卡、记录或判定的编号，与事件中的相同
command-stopping = 网关正在停止
really = 确定吗？(y/n)
say-yes = 无人可询问；加 --yes 执行
directory-at = { $file }:{ $line }: { $what }
directory-reading = 正在读取 { $file }（{ $size } KiB）
directory-no-column = 缺少列 "{ $name }"；表头必须是 person,device,credential,kind,name,department
directory-no-row = 这不是一行数据：{ $why }
directory-blank = 字段 "{ $name }" 为空
directory-unknown-kind = 未知类型 "{ $kind }"，应为 enrol 或 card
directory-duplicate = 与第 { $of } 行相同
directory-two-people = { $credential } 在第 { $with } 行属于另一人；在删除其中一行之前不属于任何人
directory-two-departments = 部门与第 { $with } 行不同；两者都算
directory-unknown-column = 列 "{ $name }" 不会被读取
directory-rounded = 电子表格已对号码取整；请把该列设为文本后重新输入
directory-unprintable = 号码含有不可见字符；请重新输入
directory-gbk = 从此行起不是 UTF-8，像是 GBK；请转换（iconv -f GBK -t UTF-8），或加 --encoding gbk
directory-no-text = 从此行起既不是 UTF-8 也不是 GBK；请将文件存为 UTF-8
directory-shared = { $device } 上的 { $credential } 属于 { $people }：在只剩一人之前不属于任何人
directory-zeros = { $device } 上有 { $count } 个号码仅前导零不同，却属于不同的人
directory-no-device = 有行提到设备 "{ $device }"，但未配置
directory-looked-over = { $numbers } 个号码，{ $found } 条提示，其中 { $faults } 条妨碍使用
directory-not-taken = 未采用：{ $faults } 行无法使用
directory-no-target = 请用 --into 指明替换 [directory] files 中的哪个文件；至少要有一个
directory-same = 没有变化
directory-added = + { $device } 上的 { $credential }：{ $who }
directory-removed = - { $device } 上的 { $credential }：{ $who }
directory-passed-on = ~ { $device } 上的 { $credential }：{ $from } → { $to }
directory-difference = 新增 { $added } 个号码，减少 { $removed } 个，{ $passed } 个换人，{ $described } 人的姓名或部门不同
directory-dry = 未做任何更改；加 --yes 则替换 { $file }
directory-written = 已写入 { $file }
directory-in-force = 网关已读取，后续结果已判定
directory-at-start = 此处没有运行中的网关；下次启动时读取
directory-whose = { $whose ->
        [person] { $person }
        [two-people] 属于两个人；不作猜测
       *[unknown] 不属于任何人
    }
quarantine-head = { $credentials } 个凭证无人认领，共 { $punches } 次打卡；它们{ $held ->
        [yes] 等待名录认出
       *[no] 已不带人员转发
    }
quarantine-row = { $device } { $kind } { $credential }：{ $punches } 次打卡，自 { $first } 至 { $last }（{ $why ->
        [two-people] 名录中属于两个人
       *[other] 不在名录中
    }）
quarantine-replayed = { $resolved } 次打卡已找到人员，剩余 { $left } 次
quarantine-progress = 已处理 { $done }/{ $of } 项变更，重新查看了 { $punches } 次打卡
reinterpret-question = { $device } 自 { $from } { $to ->
        [none] 起
       *[other] 至 { $to }
    } 的时间将按 { $zone } 读取；打卡、记录和判定可能改变
reinterpret-done = 已作为第 { $record } 条记入日志，并已处理
reinterpret-no-device = 没有配置设备 "{ $device }"
reinterpret-no-span = --to 必须晚于 --from
explain-unknown = 没有编号为 { $id } 的打卡、记录或判定
explain-verdict = 判定 { $id }，策略 "{ $policy }"，人员 { $person }：{ $outcome }（{ $state }，第 { $revision } 版）
explain-why = { $outcome ->
        [verified] 两种因素都在时间窗内
        [late] 两种因素都有，但间隔超过时间窗：这就是需要标记的异常
        [wrong_order] 两种因素都在时间窗内，但第二因素在前
        [missing_first] 有第二因素，但之前的时间窗内没有第一因素
        [missing_second] 有第一因素，但之后的时间窗内没有第二因素
       *[pending] 时间窗仍未结束
    }
explain-terms = 条款：时间窗 { $window }（含边界），超过 { $unrelated } 视为无关，顺序 { $order }；{ $from ->
        [none] 一直有效
       *[other] 自 { $from } 起有效
    }{ $until ->
        [none] {""}
       *[other] ，至 { $until } 止
    }
explain-gap = 两者相隔 { $gap }：{ $side ->
        [inside] 在时间窗内，余 { $edge }
       *[outside] 超出时间窗 { $edge }
    }
explain-certain = 两个时间合计有 { $doubt } 的不确定度：结果{ $certain ->
        [no] 不确定，可能相反
       *[yes] 确定
    }
explain-part = { $role ->
        [first] 第一因素：
        [second] 第二因素：
        [superseded] 被之后的同类打卡取代：
       *[repeat] 重复了完成判定的打卡：
    }
explain-punch = 打卡 { $id }，{ $person ->
        [none] 人员未知（{ $credential }）
       *[other] { $person }（{ $credential }）
    }：{ $source } 的 { $factor }{ $zone ->
        [none] {""}
       *[other] ，区域 { $zone }
    }，方向 { $direction }，{ $result }
explain-when = 时刻 { $at }，± { $doubt } 毫秒，质量 { $quality }，第 { $revision } 版
explain-held-out = 时间存疑：不参与核验
explain-held-back = 在隔离中等待名录认出
explain-arrived = { $live ->
        [yes] 实时收到，
       *[no] 从设备日志读取，
    }网关时钟 { $received }{ $counts ->
        [yes] {""}
       *[no] （以另一份报告为准）
    }
explain-clock = 设备时钟 { $printed }{ $zone ->
        [none] ，自带偏移
       *[other] ，按 { $zone } 读取
    }{ $stated ->
        [yes] （人工指定）
       *[no] {""}
    }{ $instant ->
        [none] ：不存在的时间
       *[other] ：{ $instant }
    }
explain-measured = 在 { $at } 测得该时钟{ $side ->
        [behind] 慢
       *[ahead] 快
    } { $offset }（± { $doubt } 毫秒）；clock = { $clock }
explain-record = 记录：{ $first } 至 { $last }，{ $within } 内重复 { $repeats } 次，第 { $revision } 版{ $withdrawn ->
        [yes] ，已撤回
       *[no] {""}
    }
explain-awaits = 尚未最终：等待数据完整到 { $settles } 之后；目前完整到 { $until }，最迟 { $latest ->
        [none] 在 max_wait 之后
       *[other] { $latest }
    }
explain-awaits-device = { $device }：{ $through ->
        [none] 从未完整读取
       *[other] 完整到 { $through }
    }
explain-revision = { $id } 的第 { $revision } 版于 { $at } 在日志第 { $record } 条之后发出{ $outcome ->
        [none] {""}
       *[other] ：{ $outcome }
    }{ $state ->
        [none] {""}
       *[other] ，{ $state }
    }{ $withdrawn ->
        [yes] ，已撤回
       *[no] {""}
    }
status-resolving = 正在处理人员或策略的变更：{ $done }/{ $of }，重新查看了 { $punches } 次打卡
warning-cards-apart = 设备 "{ $device }" 规定了卡号格式，而 [directory] card_format = "text"：面向所有设备 (*) 的行永远不会匹配它的卡；请同时规定格式
warning-same-punches = 策略 "{ $policy }" 与 "{ $other }" 可能判定相同的打卡；各自给出判定
directory-card-format = { $count } 个卡号不符合其设备规定的格式；将逐字比较
