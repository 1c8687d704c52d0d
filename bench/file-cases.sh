#!/bin/bash
# Makes small inputs that conversion tools have stumbled over: bench/file-cases.sh FOLDER. bench/file_cases.py converts and judges them.
set -u
mkdir -p "${1:-file-cases}"; cd "${1:-file-cases}"
F="ffmpeg -v error -y"
# A1 phone VFR: 30 fps nominal, jitter, a stretch at 20, audio clicks
$F -f lavfi -i testsrc2=size=320x180:rate=30:duration=4 -f lavfi -i "sine=frequency=440:duration=4" -vf "select='not(between(n,40,80)*mod(n,3))',setpts=PTS+floor(mod(N*7\,5))*90" -fps_mode passthrough -enc_time_base 1/90000 -c:v libx264 -preset veryfast -qp 12 -pix_fmt yuv420p -c:a aac -video_track_timescale 90000 vfr_phone.mp4
# A2 start offset: video begins 0.5 s after audio
$F -f lavfi -i testsrc2=size=320x180:rate=30:duration=1 -f lavfi -i sine=duration=1.5 -filter:v setpts=PTS+0.5/TB -fps_mode passthrough -c:v libx264 -preset veryfast -bf 2 -pix_fmt yuv420p -c:a aac late_video.mp4
$F -i late_video.mp4 -c copy late_video.mkv; $F -i late_video.mp4 -c copy late_video.ts
# A3 last frame held for 2 s
$F -f lavfi -i testsrc2=size=320x180:rate=5:duration=1 -f lavfi -i sine=duration=3 -vf "setpts=PTS" -fps_mode passthrough -c:v libx264 -bf 0 -pix_fmt yuv420p -c:a aac -t 3 lastheld0.mp4
printf "ffconcat version 1.0\n" > lh.txt
for i in 1 2 3 4; do $F -f lavfi -i testsrc2=size=320x180:rate=1:duration=8 -vf select="eq(n\,$i)" -frames:v 1 lh$i.png; d=0.4; [ $i = 4 ] && d=2; echo "file lh$i.png
duration $d" >> lh.txt; done
$F -f concat -i lh.txt -fps_mode passthrough -c:v libx264 -bf 0 -pix_fmt yuv420p lastheld.mkv
$F -f concat -i lh.txt -fps_mode passthrough -c:v libx264 -bf 0 -pix_fmt yuv420p lastheld.mp4
# A4 film
$F -f lavfi -i testsrc2=size=192x108:rate=24000/1001:duration=4 -c:v libx264 -preset veryfast -pix_fmt yuv420p film.mp4
$F -f lavfi -i testsrc2=size=192x108:rate=30000/1001:duration=2 -c:v libx264 -preset veryfast -pix_fmt yuv420p ntsc.mp4
$F -i film.mp4 -c copy film.mkv
# A5 concatenated TS
$F -f lavfi -i testsrc2=size=320x180:rate=25:duration=1 -c:v libx264 -preset veryfast -pix_fmt yuv420p a.ts
$F -f lavfi -i mandelbrot=size=320x180:rate=25 -t 1 -c:v libx264 -preset veryfast -pix_fmt yuv420p b.ts
cat a.ts b.ts > cat_back.ts
# A6 time lapse, a picture each 90 s
$F -f lavfi -i testsrc2=size=320x180:rate=30:duration=0.3 -vf setpts=N*90/TB -fps_mode passthrough -enc_time_base 1/1000 -c:v libx264 -bf 0 -pix_fmt yuv420p lapse.mkv
# B-frames AVI (mpeg4), gif, apng, webp
$F -f lavfi -i testsrc2=size=320x180:rate=25:duration=1 -c:v mpeg4 -bf 2 -q:v 3 bf.avi
$F -f lavfi -i testsrc2=size=160x90:rate=10:duration=1 anim.gif
$F -f lavfi -i testsrc2=size=160x90:rate=10:duration=1 -f apng -plays 0 anim.png
$F -f lavfi -i testsrc2=size=160x90:rate=10:duration=1 -c:v libwebp_anim anim.webp
# B colour: SMPTE bars 720p & 360p
for s in 1280x720 640x360; do h=${s#*x}
$F -f lavfi -i smptehdbars=size=$s:rate=10 -frames:v 3 -pix_fmt yuvj422p -c:v mjpeg -q:v 1 mjpeg422_$h.avi
$F -f lavfi -i smptehdbars=size=$s:rate=10 -frames:v 3 -pix_fmt yuvj420p -c:v mjpeg -q:v 1 mjpeg420_$h.avi
done
# full range 420 h264, full range 10 bit 422
$F -f lavfi -i smptehdbars=size=640x360:rate=10 -frames:v 3 -vf scale=out_range=pc:out_color_matrix=bt709,format=yuv420p -color_range pc -colorspace bt709 -color_primaries bt709 -color_trc bt709 -c:v libx264 -crf 1 full420.mp4
$F -f lavfi -i smptehdbars=size=640x360:rate=10 -frames:v 3 -vf scale=out_range=pc:out_color_matrix=bt709,format=yuv422p10le -color_range pc -colorspace bt709 -color_primaries bt709 -color_trc bt709 -c:v ffv1 full422p10.mkv
# HDR10
$F -f lavfi -i "gradients=size=640x360:rate=10:c0=black:c1=white:x0=0:y0=0:x1=639:y1=0:nb_colors=2:speed=0.00001" -frames:v 5 -vf format=yuv420p10le -c:v libx265 -x265-params "log-level=error:hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400" -tag:v hvc1 hdr10.mp4
$F -f lavfi -i smptehdbars=size=1280x720:rate=10 -frames:v 4 -vf "scale=out_color_matrix=bt2020,format=yuv420p10le" -c:v libx265 -x265-params "log-level=error:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc" -tag:v hvc1 hlg.mp4
$F -f lavfi -i smptehdbars=size=1280x720:rate=10 -frames:v 4 -vf "scale=out_color_matrix=bt2020,format=yuv420p" -c:v libx264 -crf 4 -colorspace bt2020nc -color_primaries bt2020 -color_trc bt2020-10 -color_range tv bt2020.mp4
# tagged bt709 at 360 lines, and untagged
$F -f lavfi -i smptehdbars=size=640x360:rate=10 -frames:v 4 -vf scale=out_color_matrix=bt709,format=yuv420p -c:v libx264 -crf 4 -colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv sd709.mp4
# anamorphic
$F -f lavfi -i testsrc2=size=720x576:rate=25 -frames:v 6 -vf setsar=64/45 -c:v mpeg2video -q:v 3 -aspect 16:9 dvd.mpg
$F -f lavfi -i testsrc2=size=1440x1080:rate=25 -frames:v 4 -vf setsar=4/3 -c:v libx264 -preset ultrafast -pix_fmt yuv420p hdv.mp4
# rotation
$F -f lavfi -i testsrc2=size=320x180:rate=30 -frames:v 6 -c:v libx264 -pix_fmt yuv420p r0.mp4; $F -display_rotation 90 -i r0.mp4 -c copy rot.mp4 2>/dev/null || $F -i r0.mp4 -c copy -metadata:s:v rotate=90 rot.mp4
# alpha
$F -f lavfi -i "testsrc2=size=160x90:rate=10,format=yuva444p10le,geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='if(gt(X,80),0,1023)'" -frames:v 4 -c:v prores_ks -profile:v 4 alpha.mov
# everything else
$F -f lavfi -i testsrc2=size=320x180:rate=25:duration=2 -f lavfi -i sine=duration=2 -i /dev/stdin -f ffmetadata -i <(printf ';FFMETADATA1\ntitle=Holiday\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=Two\n') -map 0:v -map 1:a -map 2:s -map_metadata 3 -map_chapters 3 -c:v libx264 -pix_fmt yuv420p -c:a aac -c:s srt -metadata creation_time=2024-05-01T12:00:00Z full.mkv <<'S'
1
00:00:00,200 --> 00:00:01,500
hello
S

# damage: 40 bytes in the middle of a Matroska file of 120 frames, keyframe every 30
$F -f lavfi -i testsrc2=size=320x180:rate=30:duration=4 -c:v libx264 -preset veryfast -g 30 -qp 24 -pix_fmt yuv420p g30.mkv
/usr/bin/python3 -c "
import random; random.seed(3); d=bytearray(open('g30.mkv','rb').read()); i=len(d)//2
for j in range(40): d[i+j]=random.randrange(256)
open('corrupt30.mkv','wb').write(d)"
# a change of size midway
$F -f lavfi -i testsrc2=size=320x180:rate=25:duration=2 -c:v libx264 -pix_fmt yuv420p sc1.ts; $F -f lavfi -i testsrc2=size=640x360:rate=25:duration=2 -c:v libx264 -pix_fmt yuv420p -output_ts_offset 2 sc2.ts; cat sc1.ts sc2.ts > size_change.ts
# cadence: 24 in 30, telecine; edit list
$F -f lavfi -i mandelbrot=size=320x180:rate=24 -t 2 -vf fps=30 -c:v libx264 -crf 16 -pix_fmt yuv420p dup30.mp4
$F -f lavfi -i mandelbrot=size=320x180:rate=24 -t 2 -vf telecine=first_field=top:pattern=23 -c:v libx264 -crf 8 -flags +ilme+ildct -pix_fmt yuv420p tele.mp4
$F -i film.mp4 -ss 1.03 -c copy -t 1.5 edit.mp4
