//! What an entry of the audit log says, as a sentence: whoever reads it knows no addresses.

use super::words::Lang;

/// The beginning of an address, and what lies there.
const THINGS: &[(&str, &str, &str)] = &[
    ("/accounts/invitations", "邀请", "an invitation"),
    ("/accounts/second-factor", "必须使用动态码的角色", "the roles that need one-time codes"),
    ("/accounts", "账户", "an account"),
    ("/account", "自己的账户", "the own account"),
    ("/alerts", "线索", "a lead"),
    ("/leads", "线索列表", "the list of leads"),
    ("/audit", "审计日志", "the audit log"),
    ("/bulk", "多条线索", "several leads"),
    ("/calendar", "工作日历", "the calendar"),
    ("/workdays", "工作日历", "the calendar"),
    ("/case-templates", "文书模板", "a template of a document"),
    ("/cases/publication", "处罚决定公示表", "the table of decisions for publication"),
    ("/cases", "案件列表", "the list of cases"),
    ("/checks", "身份核验", "identity checks"),
    ("/clues", "举报", "a clue"),
    ("/grid", "网格员举报", "a grid worker's clue"),
    ("/checklists", "自查表", "a checklist"),
    ("/self-checks", "自查", "a self-check"),
    ("/corrections", "整改", "a correction"),
    ("/consents", "同意书版本", "consent texts"),
    ("/consent", "知情同意", "a consent"),
    ("/devices", "设备", "a box"),
    ("/provision", "设备接入", "a box's admission"),
    ("/enrol", "人脸采集", "an enrolment"),
    ("/evidence", "封存画面", "sealed pictures"),
    ("/events", "实时消息", "the live feed"),
    ("/export", "导出表格", "a table taken out"),
    ("/import", "导入表格", "a table brought in"),
    ("/deliveries", "通知记录", "the notifications that were sent"),
    ("/filing", "人脸信息备案", "the filing of stored faces"),
    ("/impact-assessments", "影响评估", "an impact assessment"),
    ("/room-classes", "诊室隐私级别", "the privacy class of rooms"),
    ("/figures", "统计", "the figures"),
    ("/hooks", "通知对象", "a notification"),
    ("/institutions", "机构", "an institution"),
    ("/items", "项目目录", "the catalogue"),
    ("/law", "法条表", "the law table"),
    ("/login", "登录", "a login"),
    ("/logout", "登录", "a login"),
    ("/messages", "待办消息", "messages"),
    ("/monitoring", "监控设备公示表", "the table of boxes for publication"),
    ("/passes", "临时通行", "a pass"),
    ("/people", "人员列表", "the list of people"),
    ("/personal", "本人一次性链接", "a person's own link"),
    ("/refusals", "就诊者拒绝识别占比", "how often patients declined"),
    ("/requests", "本人更正申请", "a person's request"),
    ("/policy/trials", "判定策略的试算", "a trial of policy numbers"),
    ("/policy", "判定策略", "the policy"),
    ("/practitioners", "人员", "a practitioner"),
    ("/registry-photos", "批量注册照片", "registry photographs of many"),
    ("/registry-photo", "注册照片", "a registry photograph"),
    ("/registry", "登记资料", "the registry"),
    ("/retention", "保存期限", "what is kept how long"),
    ("/rooms", "诊室", "a room"),
    ("/sessions", "诊疗活动", "a session"),
    ("/tokens", "接口令牌", "an API token"),
    ("/views", "视图", "a view of the inbox"),
    ("/wall", "大屏", "the wall"),
    ("/welcome", "邀请链接", "an invitation's link"),
];

/// The end of an address, and what is done there.
const DEEDS: &[(&str, &str, &str)] = &[
    ("/disable", "停用", "disabled"),
    ("/enable", "启用", "enabled"),
    ("/reset", "重置", "reset"),
    ("/clear-waits", "解除等待：", "cleared the waits of"),
    ("/revoke", "吊销", "revoked"),
    ("/move", "移装：", "moved"),
    ("/withdraw", "撤回", "withdrew"),
    ("/confirm", "确认", "confirmed"),
    ("/refuse", "退回", "refused"),
    ("/steps", "办理", "worked on"),
    ("/unlock", "解锁", "unlocked"),
    ("/contact", "打开举报人联系方式：", "asked for or opened the contact of"),
    ("/corroboration", "比对设备记录：", "asked the boxes' records about"),
    ("/role", "变更角色：", "changed the role of"),
    ("/delete", "删除", "deleted"),
    ("/package", "导出案件材料：", "exported the case of"),
    ("/logout", "退出", "ended"),
    ("/photo/{n}", "查看照片：", "looked at a photograph of"),
];

/// Every beginning of an address, and what lies there.
pub(in crate::web) fn things(l: Lang) -> Vec<(&'static str, &'static str)> {
    THINGS.iter().map(|(path, zh, en)| (*path, l.t(zh, en))).collect()
}

/// `GET /api/v1/alerts/{id}` as people say it; the address itself where nobody has words for it.
pub(in crate::web) fn sentence(l: Lang, action: &str) -> String {
    let Some((method, address)) = action.split_once(' ') else { return action.to_owned() };
    let path = address.strip_prefix("/api/v1").unwrap_or(address);
    let thing = if path == "/" {
        Some(("线索列表", "the list of leads"))
    } else {
        THINGS.iter().find(|t| path.starts_with(t.0)).map(|t| (t.1, t.2))
    };
    let Some((zh, en)) = thing else { return action.to_owned() };
    let deed = DEEDS.iter().find(|d| path.ends_with(d.0)).map(|d| (d.1, d.2));
    let (did_zh, did_en) = deed.unwrap_or(match (method, path) {
        (_, "/login") => ("尝试", "tried"),
        ("GET" | "HEAD", _) => ("查看", "looked at"),
        _ => ("提交或更改", "made or changed"),
    });
    match l {
        Lang::Zh => format!("{did_zh}{zh}"),
        Lang::En => format!("{did_en} {en}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::routes;

    #[test]
    fn every_audited_route_has_a_sentence() {
        for route in routes().iter().filter(|r| r.audited) {
            let action = format!("{} {}", route.method, route.path);
            for l in [Lang::Zh, Lang::En] {
                assert_ne!(sentence(l, &action), action, "{action} has no words");
            }
        }
        assert_eq!(sentence(Lang::Zh, "POST /accounts/{id}/disable"), "停用账户");
        assert_eq!(sentence(Lang::En, "GET /api/v1/alerts/{id}"), "looked at a lead");
    }
}
