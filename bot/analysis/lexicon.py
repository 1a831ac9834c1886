"""Words that carry a mood, in French and English, as `features.plain` writes them (no accents, lower case).

Written for Vigie by hand; the model learns what each count is worth, so a word too many does no harm.
"""

from __future__ import annotations

from typing import Final


def words(text: str) -> frozenset[str]:
    """The words in `text`, apart from one another by blanks."""
    return frozenset(text.split())


POSITIVE: Final = words("""
love loved loves loving lovely like liked great good best better awesome amazing fantastic excellent perfect
wonderful brilliant beautiful nice cool happy glad excited exciting enjoy enjoyed fun funny thanks thank thx
ty cheers congrats congratulations proud win wins winning won winner yay yes wow superb outstanding
incredible helpful kind friendly quick easy recommend recommended impressed impressive pleased satisfied
delighted grateful appreciate appreciated blessed sweet cute hope hopefully favorite favourite legend
legendary epic sick gorgeous stunning smooth reliable fast sorted fixed solved resolved finally success
successful enjoying celebrate celebration birthday welcome smile laugh haha hahaha lol adorable charming
magic magical masterpiece flawless efficient polite courteous professional bravo kudos props hero aime adore
adorer adorable super genial geniale geniaux bon bonne bons bonnes bien mieux meilleur meilleure meilleurs
excellent excellente parfait parfaite parfaits magnifique merveilleux merveilleuse beau belle beaux belles
joli jolie top cool sympa sympas content contente contents heureux heureuse ravi ravie ravis merci mercii
bravo felicitations felicitation fier fiere gagne gagner gagnant victoire super chouette formidable
fantastique incroyable impressionnant impressionnante rapide rapides efficace efficaces pratique facile
utile agreable aimable gentil gentille gentils professionnel professionnelle serieux recommande conseille
satisfait satisfaite satisfaits reussi reussie reussite plaisir bonheur joie sourire rire mdr ptdr enfin
nickel impec impeccable genialissime kiffe kiff kiffer ouf stylé style ouais youpi hourra coeur bisous bisou
drole marrant marrante vive splendide sublime delicieux delicieuse regal chapeau reactif reactive reactifs
fiable simple resolu regle remercie remercier remerciements hate tuerie dingue lourd frais tiguidou
ecoeurant malade capotant tripant goutu chanme mortel
""")

NEGATIVE: Final = words("""
hate hated hates hating bad worse worst awful terrible horrible horrid disgusting pathetic useless rubbish
crap crappy shit shitty bullshit fuck fucking fucked damn wtf suck sucks sucked sucking stupid idiot idiots
dumb ridiculous joke disappointed disappointing disappointment disappoint angry annoyed annoying frustrated
frustrating frustration upset sad sadly sorry fail failed fails failing failure broken break broke crash
crashed crashes bug bugs buggy slow late delay delayed delays cancel cancelled canceled cancelling refund
scam scammed scammers fraud stolen steal stole lie lied lies liar liars lying rude ignored ignore ignoring
waiting waste wasted wrong problem problems issue issues error errors never nobody nothing cannot unable
impossible poor poorly overpriced expensive ripoff robbery thieves thief shame shameful disgrace disgraceful
unacceptable appalling nightmare mess hell hurt pain painful kill killed dead death die dies died war attack
attacked terror terrorist cry crying tears miss missed lost lose losing loser ugly boring tired sick worried
worry scared fear afraid stuck trapped down outage freezing unhappy fed complaint complain complained
complaints deteste detester hais nul nulle nuls nulles naze nazes pourri pourrie merde merdique chiant
chiante chier putain ptn bordel honte honteux honteuse scandaleux scandaleuse scandale inadmissible
inacceptable lamentable deplorable minable catastrophe catastrophique horrible affreux affreuse pire mauvais
mauvaise mauvaises mal decu decue decus decevant decevante deception enerve enervee enervant colere furieux
furieuse marre ras agace agacant triste tristesse malheureux malheureusement dommage desole desolee echec
rate ratee panne pannes bug bugs bugge plante lent lente lenteur retard retards annule annulee annules
supprime supprimes rembourse remboursement remboursez arnaque arnaques arnaqueurs arnaquer escroc escrocs
escroquerie fraude vol vole voler voleur voleurs menteur menteurs mensonge mensonges menti ment jamais
personne rien impossible aucun aucune probleme problemes soucis souci galere galeres erreur erreurs faux
fausse cher chere chers hors inutile inutiles incompetent incompetents incompetence imbecile imbeciles con
conne cons connard connards debile debiles idiot idiote ridicule abuse abusif blague foutage gueule foutre
fout peur inquiet inquiete mort morts tue guerre attaque attentat pleure pleurer larmes perdu perdue perdre
moche ennuyeux fatigue fatigant malade bloque bloquee bloquer coince attente attends attendre reclamation
reclamations plainte relou saoule soule vener venere seum guez claque degoute degoutee degoutant degueu
degueulasse nullissime cauchemar enfer pitoyable poubelle vergogne plate poche tanne tannee tanner calice
tabarnak criss crisse osti
""")

NEGATION: Final = words("""
not no never none without hardly barely cant dont doesnt didnt isnt wasnt arent werent wont wouldnt shouldnt
couldnt havent hasnt hadnt aint nor t pas plus jamais aucun aucune sans ni guere rien point non
""")

WANT: Final = words("""
when where why how what which who whose can could would should does do did is are will anyone quand ou
pourquoi comment combien quel quelle quels quelles qui quoi est peut peux pouvez puis dois faut sais savez
pourriez auriez
""")

URGENT: Final = words("""
urgent urgently asap emergency immediately now today tonight stuck stranded blocked locked help please
desperate danger dangerous fire smoke burn burned burning explode exploded shock hospital injured hacked
hacker breach leaked fraud stolen lawyer court sue legal police journalist press ombudsman unsafe urgence
urgent urgente vite immediatement maintenant bloque bloquee coince aide aidez svp danger dangereux
dangereuse feu fumee brule brulure brulures explose explosion electrocute hopital blesse blessee pirate
piratee piratage fuite fraude vole avocat tribunal justice plainte police journaliste presse mediateur
dgccrf cnil incendie gaz
""")

HAPPY_SIGNS: Final = frozenset(
    "😀😁😂🤣😃😄😅😆😉😊😋😎😍😘🥰😗😙😚🙂🤗🤩👍👏🙌💪🙏❤♥💕💖💗💙💚💛💜🧡💯🔥🎉🎊✨⭐🌟😻🤝👌✌☺💐🌹😇🥳"
)
SAD_SIGNS: Final = frozenset(
    "😐😑😶🙄😏😣😥😮🤐😯😪😫😒😓😔😕🙃😲☹🙁😖😞😟😤😢😭😦😧😨😩🤯😬😰😱🥵🥶😳😵😡😠🤬😷🤒🤕🤢🤮💩👎💔🤦🤷🖕😾😿🚨⚠❌"
)
ALARMS: Final = frozenset("😡😠🤬😤👎🖕🆘🚨😭😢😱💔")
