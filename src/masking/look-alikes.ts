// Letters of other alphabets that look like one of ASCII (Unicode Technical Standard 39, confusables), those that a keyboard has.
const pairs =
  'АA ВB ЕE ЅS ІI ЈJ КK МM НH ОO РP СC ТT УY ХX аa еe оo рp сc уy хx ѕs іi јj һh ԁd ԛq ԝw ҮY үy ' +
  'ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX οo ϲc ϳj Ϲc'

/** What a letter of another alphabet looks like, by its code point. */
export const lookAlikes: Readonly<Record<number, string>> = /* @__PURE__ */ Object.fromEntries(
  pairs.split(' ').map((pair) => [pair.charCodeAt(0), pair.charAt(1)]),
)
